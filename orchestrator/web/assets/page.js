// Copy buttons. Without this script every value is still a field that can be selected.
"use strict";
for (const button of document.querySelectorAll("[data-copy]")) {
  const box = document.getElementById(button.dataset.copy);
  button.hidden = false;
  button.addEventListener("click", async () => {
    let copied = true;
    try {
      await navigator.clipboard.writeText(box.value);
    } catch {
      box.focus();
      box.select();
      copied = false;
    }
    const label = document.querySelector(`label[for="${box.id}"]`).textContent;
    document.getElementById("said").textContent = copied
      ? `Copied: ${label}`
      : `${label} is selected; copy it with the keyboard`;
  });
}

// What people who see badly, or not at all, would stumble over on a page. Evaluates to {complaints, contrast}.
(() => {
  const all = selector => [...document.querySelectorAll(selector)];
  const complaints = [];
  const say = text => complaints.push(text);

  for (const field of all("input:not([type=hidden]), textarea, select"))
    if (!field.labels.length) say("no label: " + field.outerHTML);
  for (const e of all("a, button, summary")) if (!e.textContent.trim()) say("no name: " + e.outerHTML);
  for (const e of all("section")) if (!e.hasAttribute("aria-labelledby")) say("a section without a name");
  if (all("main").length !== 1 || all("h1").length !== 1) say("not one main and one h1");
  if (!document.documentElement.lang) say("no language");
  if (!document.title) say("no title");
  if (document.documentElement.scrollWidth > innerWidth) say("wider than the window");

  let level = 0;
  for (const heading of all("h1, h2, h3, h4")) {
    const now = Number(heading.tagName[1]);
    if (now > level + 1) say(`heading ${level} is followed by ${now}: ${heading.textContent}`);
    level = now;
  }

  const ids = all("[id]").map(e => e.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) say("twice: #" + id);
  for (const name of ["aria-describedby", "aria-labelledby"])
    for (const e of all(`[${name}]`))
      for (const id of e.getAttribute(name).split(" "))
        if (!document.getElementById(id)) say("nothing is called #" + id);

  // Contrast by WCAG 2.2: each text against the first ground behind it that is not transparent.
  const numbers = text => (text.match(/[\d.]+/g) || []).map(Number);
  const part = v => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  const ground = e => {
    for (; e; e = e.parentElement) {
      const colour = numbers(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  let contrast = [99, ""];
  for (const e of all("body *")) {
    const own = [...e.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    if (!(own || e.matches("input, textarea")) || !e.checkVisibility() || e.closest(".unseen, .skip")) continue;
    const [more, less] = [light(numbers(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
    const ratio = (more + 0.05) / (less + 0.05);
    if (ratio < contrast[0]) contrast = [ratio, e.outerHTML.slice(0, 90)];
  }
  return { complaints, contrast };
})()

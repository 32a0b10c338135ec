// jsforce, unchanged: logs in by SOAP, reads, writes, deploys; prints what it found as one JSON line.
"use strict";
const { readFileSync } = require("node:fs");
const jsforce = require("jsforce");

async function main([loginUrl, username, soapPackage, restPackage]) {
  const conn = new jsforce.Connection({ loginUrl, version: "64.0" });
  const user = await conn.login(username, process.env.PASSWORD);
  const found = { user, instanceUrl: conn.instanceUrl };
  found.identity = await conn.identity();
  found.organization = await conn.query("SELECT Id, Name FROM Organization");
  const made = await conn.sobject("Account").create({ Name: "Ünïted <&> Co" });
  await conn.sobject("Account").update({ Id: made.id, Phone: "7" });
  found.account = await conn.sobject("Account").retrieve(made.id);
  found.found = await conn.sobject("Account").find({ Phone: "7" }, ["Id", "Name"]);
  found.deleted = await conn.sobject("Account").destroy(made.id);
  const many = Array.from({ length: 200 }, (_, n) => ({ LastName: `Many ${n}` }));
  const created = await conn.sobject("Contact").create([...many, { FirstName: "nobody" }], { allowRecursive: true });
  found.created = created.map((result) => result.success);
  found.missing = created.at(-1).errors;
  const whole = [{ LastName: "Whole" }, { FirstName: "nobody" }];
  found.whole = await conn.sobject("Contact").create(whole, { allOrNone: true });
  const ids = created.filter((result) => result.success).map((result) => result.id);
  const pairs = ids.slice(0, 2).map((Id, n) => ({ Id, FirstName: `First ${n}` }));
  found.updated = await conn.sobject("Contact").update(pairs);
  found.together = await conn.sobject("Contact").retrieve(ids.slice(0, 2), { fields: ["Id", "Name", "FirstName"] });
  const headers = { "Sforce-Query-Options": "batchSize=200" };
  const page = await conn.query("SELECT Id FROM Contact", { autoFetch: false, headers });
  found.page = [page.records.length, page.done, page.totalSize];
  const rest = await conn.queryMore(page.nextRecordsUrl, { autoFetch: false, headers });
  found.rest = [rest.records.length, rest.done, rest.totalSize];
  const destroyed = await conn.sobject("Contact").destroy(ids, { allowRecursive: true });
  found.destroyed = destroyed.filter((result) => result.success).length;
  const inner = "/services/data/v64.0/sobjects/Account";
  found.composite = await conn.requestPost("/services/data/v64.0/composite", {
    allOrNone: true,
    compositeRequest: [
      { method: "POST", url: inner, referenceId: "first", body: { Name: "By reference" } },
      { method: "GET", url: `${inner}/@{first.id}`, referenceId: "second" },
      { method: "DELETE", url: `${inner}/@{first.id}`, referenceId: "third" },
    ],
  });
  found.described = (await conn.sobject("User").describe()).fields.map((field) => field.name);
  conn.metadata.pollInterval = 200;
  const options = { rollbackOnError: true, singlePackage: true };
  found.overSoap = await conn.metadata.deploy(readFileSync(soapPackage), options).complete(true);
  found.overRest = await conn.metadata.deployRest(readFileSync(restPackage), options).complete(true);
  found.listed = await conn.metadata.list([{ type: "ExternalClientApplication" }], "64.0");
  found.read = await conn.metadata.read("ExtlClntAppOauthSettings", ["Js_App_oauth"]);
  const header = { fullName: "Js_Crud", label: "Js", contactEmail: "ops@acme.example", distributionState: "Local" };
  found.upserted = await conn.metadata.upsert("ExternalClientApplication", [header]);
  found.removed = await conn.metadata.delete("ExternalClientApplication", ["Js_Crud"]);
  const accessToken = conn.accessToken;
  await conn.logout();
  const late = new jsforce.Connection({ instanceUrl: found.instanceUrl, accessToken, version: "64.0" });
  found.late = await late.query("SELECT Id FROM User").then(() => "answered", (error) => error.errorCode);
  const wrong = new jsforce.Connection({ loginUrl });
  found.wrong = await wrong.login(username + ".x", "wrong").then(() => "let in", (error) => error.message);
  process.stdout.write(JSON.stringify(found) + "\n");
}

main(process.argv.slice(2)).catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
});

// Preloaded into every Node client of these tests: a connection to anywhere but loopback fails, and says where to.
"use strict";
const net = require("node:net");

const LOOPBACK = new Set([undefined, "", "localhost", "127.0.0.1", "::1"]);
const connect = net.Socket.prototype.connect;

net.Socket.prototype.connect = function (...given) {
  const [first, second] = Array.isArray(given[0]) ? given[0] : given;
  const host = typeof first === "object" ? first.host : typeof second === "string" ? second : undefined;
  if (LOOPBACK.has(host)) return connect.apply(this, given);
  const refusal = Object.assign(new Error(`only loopback is within reach, not ${host}`), { code: "EACCES" });
  process.nextTick(() => this.destroy(refusal));
  return this;
};

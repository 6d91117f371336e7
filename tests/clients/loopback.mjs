// Loaded before a server that would listen on every address: it listens on loopback.
import { Server } from "node:net";

const { listen } = Server.prototype;
Server.prototype.listen = function (port, then) {
  return listen.call(this, { port: Number(port), host: "127.0.0.1" }, then);
};

// A WebSocket server of one file (RFC 6455), for replicas that misbehave: text frames, no
// extensions.
import { createHash } from "node:crypto";
import { createServer } from "node:http";

const magic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

class Connection {
  #socket;
  #bytes = Buffer.alloc(0);
  #fragments = [];
  onText = () => {};
  onClose = () => {};

  constructor(socket) {
    this.#socket = socket;
    socket.on("data", (bytes) => {
      this.#bytes = Buffer.concat([this.#bytes, bytes]);
      while (this.#frame());
    });
    // An HTTP server's sockets stay half open, and a half-open one that is not read keeps neither
    // the program alive nor its server from waiting for it.
    socket.on("end", () => socket.destroy());
    socket.on("close", () => this.onClose());
    socket.on("error", () => socket.destroy());
  }
  send(text) {
    this.#write(0x81, Buffer.from(text));
  }
  sendBinary(bytes) {
    this.#write(0x82, bytes);
  }
  #write(first, payload) {
    if (this.#socket.destroyed) return;
    const head = payload.length < 126 ? Buffer.from([first, payload.length]) : Buffer.alloc(10);
    if (payload.length >= 126) {
      head.set([first, 127]);
      head.writeBigUInt64BE(BigInt(payload.length), 2);
    }
    this.#socket.write(Buffer.concat([head, payload]));
  }
  /** As a machine that loses its power: without a word. */
  destroy() {
    this.#socket.destroy();
  }
  close(code = 1000, reason = "") {
    this.#write(0x88, Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]));
    this.#socket.end();
  }
  #frame() {
    const bytes = this.#bytes;
    if (bytes.length < 2) return false;
    let size = bytes[1] & 127,
      at = 2;
    if (size === 126) [size, at] = bytes.length < 4 ? [Infinity, 0] : [bytes.readUInt16BE(2), 4];
    else if (size === 127)
      [size, at] = bytes.length < 10 ? [Infinity, 0] : [Number(bytes.readBigUInt64BE(2)), 10];
    if (bytes.length < at + 4 + size) return false;
    const mask = bytes.subarray(at, at + 4);
    const payload = Buffer.from(bytes.subarray(at + 4, at + 4 + size)).map(
      (byte, i) => byte ^ mask[i % 4],
    );
    this.#bytes = bytes.subarray(at + 4 + size);
    const opcode = bytes[0] & 15;
    if (opcode === 8) {
      this.#write(0x88, payload);
      this.#socket.end();
    } else if (opcode === 9) {
      this.#write(0x8a, payload);
    } else if (opcode < 3) {
      this.#fragments.push(payload);
      if (bytes[0] & 128) this.onText(Buffer.concat(this.#fragments.splice(0)).toString());
    }
    return true;
  }
}

/** {port, close()}; `accept(connection, protocols)` gets each. Port 0: a free one. */
export async function listen(accept, port = 0) {
  const sockets = new Set();
  const server = createServer((request, response) => response.writeHead(404).end());
  // From its first byte: a client may be on its way in when the server closes.
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("upgrade", (request, socket) => {
    const key = createHash("sha1")
      .update(request.headers["sec-websocket-key"] + magic)
      .digest("base64");
    const protocol = request.headers["sec-websocket-protocol"];
    socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        `Sec-WebSocket-Accept: ${key}\r\nSec-WebSocket-Protocol: ${protocol}\r\n\r\n`,
    );
    accept(new Connection(socket), protocol);
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    port: server.address().port,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(resolve);
      }),
  };
}

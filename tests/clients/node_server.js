// A plain server on Node's own modules: node node_server.js [KEY CERTIFICATE]; prints its port.
const fs = require("fs"), crypto = require("crypto"), zlib = require("zlib");
const big = Buffer.alloc(8 * 2 ** 20, "0123456789abcdef");

function answer(request, response) {
  if (request.url === "/text") return response.end("hello");
  if (request.url === "/big") return response.end(big);
  if (request.url === "/gzip") return response.setHeader("Content-Encoding", "gzip").end(zlib.gzipSync("hello ".repeat(1000)));
  if (request.url === "/upload") {
    let size = 0;
    request.on("data", (piece) => { size += piece.length; });
    return request.on("end", () => response.end(String(size)));
  }
  response.writeHead(404).end("no");
}

const [key, certificate] = process.argv.slice(2);
const server = key
  ? require("https").createServer({ key: fs.readFileSync(key), cert: fs.readFileSync(certificate) }, answer)
  : require("http").createServer(answer);
server.listen(0, "127.0.0.1", () => console.log(server.address().port));

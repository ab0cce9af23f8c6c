import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

/** The baseline of downloads: the same bytes from memory, with nothing in front of them. Prints its port. */
const body = readFileSync(process.argv[2]!);
const server = createServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'application/gzip', 'content-length': body.length });
  response.end(body);
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') process.stdout.write(`${address.port}\n`);
});

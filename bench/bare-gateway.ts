import { readFileSync } from 'node:fs';
import { loadPackageDefinition, Server, ServerCredentials, type ServerReadableStream, type sendUnaryData, type ServiceClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { AGENT_GATEWAY_PROTO } from '#libs/contracts';

/** The baseline of gateways: the same wire by the same library, with nothing behind it. Prints its port. */
const [, , ca, cert, key] = process.argv;
const read = (file: string | undefined) => readFileSync(file!);
const { proto } = loadPackageDefinition(loadSync(AGENT_GATEWAY_PROTO, { keepCase: true, longs: Number, defaults: true })) as unknown as {
  proto: { AgentGatewayService: ServiceClientConstructor };
};
const received = { received: true };
const server = new Server();
server.addService(proto.AgentGatewayService.service, {
  Hello: (_call: unknown, answer: sendUnaryData<unknown>) => answer(null, { accepted: true }),
  PushStatus: (_call: unknown, answer: sendUnaryData<unknown>) => answer(null, received),
  StreamStatus: (call: ServerReadableStream<unknown, unknown>, answer: sendUnaryData<unknown>) => void call.on('end', () => answer(null, received)).resume(),
});
const credentials = ServerCredentials.createSsl(read(ca), [{ cert_chain: read(cert), private_key: read(key) }], true);
server.bindAsync('127.0.0.1:0', credentials, (error, port) => {
  if (error) throw error;
  process.stdout.write(`${port}\n`);
});

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { freePort } from '../../lab/free-port.js';

export interface Received {
  /** Path and query. */
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
}

type Answer = (request: Received, response: ServerResponse) => void;

/** An HTTP server that keeps what it gets. */
export class Receiver {
  readonly received: Received[] = [];
  answer: Answer = (_request, response) => void response.writeHead(204).end();

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  static async start(): Promise<Receiver> {
    const port = await freePort();
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const received = { url: request.url!, headers: request.headers, body: Buffer.concat(chunks).toString() };
        receiver.received.push(received);
        receiver.answer(received, response);
      });
    });
    const receiver = new Receiver(server, port);
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/alerts?token=hunter2`;
  }

  get messages(): { id: string; event: string; total: number; alerts: { site: { id: string; name: string }; summary: string; resolution: string | null }[] }[] {
    return this.received.map(({ body }) => JSON.parse(body) as Receiver['messages'][number]);
  }

  /** Forgets what it got, and answers as at first. */
  reset(): void {
    this.received.length = 0;
    this.answer = (_request, response) => void response.writeHead(204).end();
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

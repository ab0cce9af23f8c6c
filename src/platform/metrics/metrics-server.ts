import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { collectDefaultMetrics } from 'prom-client';
import { cannotListen } from '../cannot-listen.js';
import { Config } from '../config/index.js';
import { Metrics } from './metrics.js';

/** Serves `GET /metrics` on a port of its own, so that whoever may see it is the network's to say. Without a port, it does nothing. */
@Injectable()
export class MetricsServer implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(MetricsServer.name);
  #server: Server | undefined;
  /** Those who ask at the same time get the same. */
  #asking: Promise<string> | undefined;

  constructor(
    private readonly config: Config,
    private readonly metrics: Metrics,
  ) {}

  /** @throws DomainError `invalid_configuration` when the port cannot be listened on */
  async onApplicationBootstrap(): Promise<void> {
    const { host, metricsPort: port } = this.config;
    if (port === undefined) return;
    collectDefaultMetrics({ register: this.metrics.registry });
    const server = createServer((request, response) => void this.answer(request, response));
    try {
      await once(server.listen(port, host), 'listening');
    } catch (error) {
      throw cannotListen(error, 'The metrics cannot be served: HOST and METRICS_PORT say', `${host}:${port}`);
    }
    this.#server = server;
    this.logger.log({ address: server.address() }, 'serves metrics');
  }

  async onModuleDestroy(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  }

  private async answer({ method, url }: IncomingMessage, response: ServerResponse): Promise<void> {
    if (url?.split('?', 1)[0] !== '/metrics') return void response.writeHead(404).end();
    if (method !== 'GET' && method !== 'HEAD') return void response.writeHead(405, { Allow: 'GET, HEAD' }).end();
    try {
      this.#asking ??= this.metrics.text().finally(() => (this.#asking = undefined));
      const text = await this.#asking;
      response.writeHead(200, { 'Content-Type': this.metrics.registry.contentType }).end(text);
    } catch (error) {
      this.logger.warn({ err: error }, 'metrics were not served');
      response.writeHead(500).end();
    }
  }
}

import { promisify } from 'node:util';
import { loadPackageDefinition, logVerbosity, Server, type ServerCredentials, type ServiceClientConstructor, setLogVerbosity } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { AGENT_GATEWAY_PROTO } from '#libs/contracts';
import { DomainError } from '#libs/kernel';
import { cannotListen } from '../platform/cannot-listen.js';
import { Config } from '../platform/config/index.js';
import { GatewayAddress } from '../platform/gateway-address.js';
import { Metrics } from '../platform/metrics/index.js';
import { Tracing } from '../platform/tracing/index.js';
import { GatewayCertificate } from './gateway-certificate.js';
import { GatewayHandlers } from './gateway-handlers.js';
import { observedCalls } from './observed-calls.js';
import { Peers } from './peers.js';

/** Bytes of a message. What is larger comes in pieces. */
const MESSAGE_MAX = 256 * 1024;

/** Calls and streams at a time on one connection. */
const CALLS_MAX = 32;

/** What an agent’s connection that says nothing is asked after, and given up after, in milliseconds. */
const KEEPALIVE_INTERVAL = 30_000;
const KEEPALIVE_TIMEOUT = 10_000;

/** How long calls that run may take when the process ends, in milliseconds. */
const DRAIN_LIMIT = 5_000;

/** Where agents dial in: gRPC with mutual TLS. */
@Injectable()
export class GatewayServer implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(GatewayServer.name);
  #server: Server | undefined;

  constructor(
    private readonly config: Config,
    private readonly address: GatewayAddress,
    private readonly certificate: GatewayCertificate,
    private readonly handlers: GatewayHandlers,
    private readonly peers: Peers,
    private readonly metrics: Metrics,
    private readonly tracing: Tracing,
  ) {}

  /** @throws DomainError `invalid_configuration` when the port cannot be listened on */
  async onApplicationBootstrap(): Promise<void> {
    const { host, gatewayPort } = this.config;
    // It has a log of its own, on stderr; what it cannot do it says by its errors, too.
    setLogVerbosity(logVerbosity.NONE);
    const server = new Server({
      'grpc.max_receive_message_length': MESSAGE_MAX,
      'grpc.max_concurrent_streams': CALLS_MAX,
      'grpc.keepalive_time_ms': KEEPALIVE_INTERVAL,
      'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT,
      interceptors: [observedCalls(this.metrics, this.tracing)],
    });
    server.addService(service(), this.handlers.all());
    const credentials = await this.certificate.credentials();
    const bind = promisify(server.bindAsync.bind(server)) as (address: string, credentials: ServerCredentials) => Promise<number>;
    const port = await bind(`${bracketed(host)}:${gatewayPort}`, credentials).catch((error: unknown) => {
      throw cannotListen(withCode(error), 'The gateway cannot listen: HOST and GATEWAY_PORT say', `${host}:${gatewayPort}`);
    });
    this.#server = server;
    this.address.listening(`${bracketed(host)}:${port}`);
    this.logger.log({ host, port }, 'the gateway listens');
  }

  async onApplicationShutdown(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    const tooLong = setTimeout(() => server.forceShutdown(), DRAIN_LIMIT);
    const ended = promisify(server.tryShutdown.bind(server))();
    this.peers.endAll(new DomainError('unavailable', 'This gateway stops. Dial again.', { retryable: true }));
    await ended;
    clearTimeout(tooLong);
  }
}

/** As the file describes it: names as they stand there, int64 as numbers, what was not sent as empty. */
function service() {
  const options = { keepCase: true, longs: Number, defaults: true };
  const { proto } = loadPackageDefinition(loadSync(AGENT_GATEWAY_PROTO, options)) as unknown as { proto: { AgentGatewayService: ServiceClientConstructor } };
  return proto.AgentGatewayService.service;
}

/** gRPC keeps of a system error only what it says. */
const withCode = (error: unknown): unknown => Object.assign(error as Error, { code: /\bE[A-Z]+\b/.exec((error as Error).message)?.[0] });

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);

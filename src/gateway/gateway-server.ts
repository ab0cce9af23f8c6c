import { hostname } from 'node:os';
import { promisify } from 'node:util';
import {
  loadPackageDefinition,
  logVerbosity,
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceClientConstructor,
  setLogVerbosity,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { AGENT_GATEWAY_PROTO, type AgentHello, type AgentHelloAnswer } from '#libs/contracts';
import { DomainError } from '#libs/kernel';
import { AuthorityService, CertificateService } from '../pki/index.js';
import { cannotListen } from '../platform/cannot-listen.js';
import { Config } from '../platform/config/index.js';
import { GATEWAY_NAME, GatewayAddress } from '../platform/gateway-address.js';
import { Metrics } from '../platform/metrics/index.js';
import { domainErrorOf } from '../platform/problem/index.js';
import { Tracing } from '../platform/tracing/index.js';
import { type AgentConnection, AgentsService } from './agents.service.js';
import { grpcError } from './grpc-status.js';
import { observedCalls } from './observed-calls.js';

/** Bytes of a message; an agent says little. */
const MESSAGE_MAX = 64 * 1024;

/** What an agent’s connection that says nothing is asked after, and given up after, in milliseconds. */
const KEEPALIVE_INTERVAL = 30_000;
const KEEPALIVE_TIMEOUT = 10_000;

/** How long calls that run may take when the process ends, in milliseconds. */
const DRAIN_LIMIT = 5_000;

type Handler<Request, Answer> = (connection: AgentConnection, request: Request) => Promise<Answer>;

/** Where agents dial in: gRPC with mutual TLS. */
@Injectable()
export class GatewayServer implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(GatewayServer.name);
  #server: Server | undefined;

  constructor(
    private readonly config: Config,
    private readonly address: GatewayAddress,
    private readonly authorities: AuthorityService,
    private readonly certificates: CertificateService,
    private readonly agents: AgentsService,
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
      'grpc.keepalive_time_ms': KEEPALIVE_INTERVAL,
      'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT,
      interceptors: [observedCalls(this.metrics, this.tracing)],
    });
    server.addService(service(), { Hello: this.unary<AgentHello, AgentHelloAnswer>((from, hello) => this.agents.hello(from, hello, hostname())) });
    const credentials = await this.credentials();
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
    await promisify(server.tryShutdown.bind(server))();
    clearTimeout(tooLong);
  }

  /** Its key is in memory only. Agents of all tenants may come as far as TLS is concerned: who they are is asked of each call. */
  private async credentials(): Promise<ServerCredentials> {
    const { gatewayAddress } = this.config;
    const hosts = [GATEWAY_NAME, ...(gatewayAddress === undefined ? [] : [hostOf(gatewayAddress)])];
    const issued = await this.certificates.issueService({ service: 'agent-gateway', hosts });
    const pair = {
      cert_chain: Buffer.from(issued.certificatePem + issued.chainPem),
      private_key: Buffer.from(issued.privateKeyPem.reveal()),
    };
    return ServerCredentials.createSsl(Buffer.from(await this.authorities.rootPem()), [pair], true);
  }

  private unary<Request, Answer>(handle: Handler<Request, Answer>) {
    return (call: ServerUnaryCall<Request, Answer>, answer: sendUnaryData<Answer>): void => {
      const connection = connectionOf(call);
      handle(connection, call.request).then(
        (value) => answer(null, value),
        (cause: unknown) => {
          const error = domainErrorOf(cause);
          this.log(error, connection);
          answer(grpcError(error));
        },
      );
    };
  }

  private log(error: DomainError, { sourceAddress }: AgentConnection): void {
    const about = { err: error, sourceAddress };
    if (error.code === 'internal') this.logger.error(about, 'an agent was not answered');
    else this.logger.warn(about, 'an agent was refused');
  }
}

/** As the file describes it: names as they stand there, int64 as numbers, what was not sent as empty. */
function service() {
  const options = { keepCase: true, longs: Number, defaults: true };
  const { proto } = loadPackageDefinition(loadSync(AGENT_GATEWAY_PROTO, options)) as unknown as { proto: { AgentGatewayService: ServiceClientConstructor } };
  return proto.AgentGatewayService.service;
}

/** @throws nothing: TLS lets nobody in who shows no certificate */
function connectionOf(call: ServerUnaryCall<unknown, unknown>): AgentConnection {
  const certificate = call.getAuthContext().sslPeerCertificate?.raw ?? Buffer.alloc(0);
  return { certificate, sourceAddress: /^(?<address>.*):\d+$/.exec(call.getPeer())?.groups?.address ?? null };
}

/** gRPC keeps of a system error only what it says. */
const withCode = (error: unknown): unknown => Object.assign(error as Error, { code: /\bE[A-Z]+\b/.exec((error as Error).message)?.[0] });

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);

const hostOf = (address: string): string => new URL(`tcp://${address}`).hostname.replace(/^\[(.*)\]$/, '$1');

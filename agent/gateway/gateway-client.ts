import { ChannelCredentials, Client, connectivityState, Metadata, type ServiceDefinition, type ServiceError } from '@grpc/grpc-js';
import type { AgentHello, AgentHelloAnswer } from '../../libs/contracts/index.js';
import type { GatewayFile } from '../identity/gateway-file.js';
import type { Identity } from '../identity/identity.js';
import { type ConfigAnswer, gatewayService, type RenewalAnswer, type Result, type StatusRequest } from './wire.js';

/** How long an answer may take, in milliseconds. */
const DEADLINE = 10_000;

/** The same for many reports, which the gateway takes as fast as it likes. */
const STREAM_DEADLINE = 60_000;

/** What a connection that says nothing is asked after, and given up after, in milliseconds. */
const KEEPALIVE_INTERVAL = 20_000;
const KEEPALIVE_TIMEOUT = 10_000;

/** Of a message: the gateway takes no more than 256 KiB, and 256 services. */
const MESSAGE_BYTES = 48 * 1024;
const MESSAGE_SERVICES = 200;
const PIECE_BYTES = 128 * 1024;

const OPTIONS = {
  'grpc.keepalive_time_ms': KEEPALIVE_INTERVAL,
  'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT,
  'grpc.keepalive_permit_without_calls': 1,
  // When to try again is decided by the agent, with a connection of its own each time.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_retries': 0,
  'grpc.service_config_disable_resolution': 1,
};

let service: ServiceDefinition | undefined;

/** One connection to the gateway. What fails throws a ServiceError of gRPC. */
export class GatewayClient {
  readonly #client: Client;
  #isClosed = false;
  readonly #calls = new Set<{ cancel(): void }>();

  constructor({ address, serverName }: Pick<GatewayFile, 'address' | 'serverName'>, { certificatePem, keyPem, caChainPem }: Identity) {
    service ??= gatewayService();
    const credentials = ChannelCredentials.createSsl(Buffer.from(caChainPem), Buffer.from(keyPem), Buffer.from(certificatePem));
    this.#client = new Client(address, credentials, { ...OPTIONS, 'grpc.ssl_target_name_override': serverName, 'grpc.default_authority': serverName });
  }

  hello(hello: Partial<AgentHello>): Promise<AgentHelloAnswer> {
    return this.call('Hello', hello);
  }

  getConfig(version: string): Promise<ConfigAnswer> {
    return this.call('GetConfig', { config_version: version });
  }

  renewCertificate(csr: Buffer): Promise<RenewalAnswer> {
    return this.call('RenewCertificate', { csr });
  }

  /** Sends reports in their order: a small one as a message, larger ones and several over a stream. @param limit how long it may take, in milliseconds */
  sendReports(reports: readonly StatusRequest[], limit?: number): Promise<void> {
    return this.send(reports, reports.flatMap((report) => inPieces(report)), { alone: 'PushStatus', streamed: 'StreamStatus', limit });
  }

  /** Sends results in their order: a small one as a message, larger ones and several over a stream. @param limit as above */
  sendResults(results: readonly Result[], limit?: number): Promise<void> {
    return this.send(results, results.flatMap((result) => piecesOf(result)), { alone: 'PushResults', streamed: 'StreamResults', limit });
  }

  /** Whether it is connected now. */
  get isReady(): boolean {
    return !this.#isClosed && this.#client.getChannel().getConnectivityState(false) === connectivityState.READY;
  }

  /** Calls back once when the connection is no more. */
  onLost(listener: () => void): void {
    const channel = this.#client.getChannel();
    const watch = () => {
      if (this.#isClosed) return;
      const state = channel.getConnectivityState(false);
      if (state === connectivityState.READY) channel.watchConnectivityState(state, Infinity, watch);
      else listener();
    };
    watch();
  }

  /** What it was asked is still answered. */
  close(): void {
    this.#isClosed = true;
    this.#client.close();
  }

  /** What it was asked fails now. */
  end(): void {
    for (const call of [...this.#calls]) call.cancel();
    this.close();
  }

  private async send(items: readonly object[], pieces: readonly object[], { alone, streamed, limit = STREAM_DEADLINE }: { alone: string; streamed: string; limit?: number }): Promise<void> {
    if (pieces.length === 1) await this.call(alone, items[0]!, Math.min(limit, DEADLINE));
    else if (pieces.length > 1) await this.stream(streamed, pieces, limit);
  }

  private call<Answer>(method: string, request: object, deadline = DEADLINE): Promise<Answer> {
    const { path, requestSerialize, responseDeserialize } = service![method]!;
    return this.until((settled) => this.#client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, new Metadata(), { deadline: Date.now() + deadline }, settled));
  }

  private stream<Answer>(method: string, messages: readonly object[], deadline: number): Promise<Answer> {
    const { path, requestSerialize, responseDeserialize } = service![method]!;
    return this.until((settled) => {
      const call = this.#client.makeClientStreamRequest(path, requestSerialize, responseDeserialize, new Metadata(), { deadline: Date.now() + deadline }, settled);
      for (const message of messages) call.write(message);
      call.end();
      return call;
    });
  }

  /** @param begin begins a call, which settles as it ends */
  private async until<Answer>(begin: (settled: (error: ServiceError | null, answer?: object) => void) => { cancel(): void }): Promise<Answer> {
    let call: { cancel(): void } | undefined;
    try {
      return await new Promise<Answer>((resolve, reject) => {
        call = begin((error, answer) => (error === null ? resolve(answer as Answer) : reject(error)));
        this.#calls.add(call);
      });
    } finally {
      this.#calls.delete(call!);
    }
  }
}

/** A report as messages that the gateway takes, each with its number and how many there are. */
export function inPieces({ services, timestamp }: StatusRequest, limit = MESSAGE_BYTES): (StatusRequest & { chunk_index: number; total_chunks: number; is_final: boolean })[] {
  const pieces: StatusRequest['services'][] = [[]];
  let bytes = 0;
  for (const one of services) {
    const size = one.message.length + 2 * one.service_name.length + 200;
    if (bytes > 0 && (bytes + size > limit || pieces.at(-1)!.length === MESSAGE_SERVICES)) {
      pieces.push([]);
      bytes = 0;
    }
    pieces.at(-1)!.push(one);
    bytes += size;
  }
  return pieces.map((piece, index) => ({ services: piece, timestamp, chunk_index: index, total_chunks: pieces.length, is_final: index === pieces.length - 1 }));
}

/** A result as messages that the gateway takes, each with its number and how many there are. */
export function piecesOf(result: Result, limit = PIECE_BYTES): (Result & { chunk_index: number; total_chunks: number; is_final: boolean })[] {
  const total = Math.max(1, Math.ceil(result.payload.length / limit));
  return Array.from({ length: total }, (_, index) => ({
    ...result,
    payload: result.payload.subarray(index * limit, (index + 1) * limit),
    chunk_index: index,
    total_chunks: total,
    is_final: index === total - 1,
  }));
}

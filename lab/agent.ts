import { promisify } from 'node:util';
import { ChannelCredentials, type Client, type ClientWritableStream, loadPackageDefinition, type ServiceClientConstructor, status } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

/** What an agent shows and dials. */
export interface AgentIdentity {
  address: string;
  serverName: string;
  cert: string;
  key: string;
  ca: string;
}

/** What a call was answered. */
export type Answer = Record<string, unknown>;

type Unary = (request: object) => Promise<Answer>;

/** A stream of messages from the agent. */
export interface AgentStream {
  /** Resolves when the message is on its way. */
  send(message: object): Promise<void>;
  /** Says that there are no more. */
  end(): void;
  /** Breaks it off. */
  cancel(): void;
  readonly answer: Promise<Answer>;
}

const PROTO = 'libs/contracts/agent_gateway.proto';

type Stub = Client & Record<string, (...given: unknown[]) => unknown>;

const clients = new Map<string, ServiceClientConstructor>();

function clientOf(file: string): ServiceClientConstructor {
  const known = clients.get(file);
  if (known !== undefined) return known;
  const definition = loadSync(file, { keepCase: true, longs: String, defaults: true });
  const { proto } = loadPackageDefinition(definition) as unknown as { proto: { AgentGatewayService: ServiceClientConstructor } };
  clients.set(file, proto.AgentGatewayService);
  return proto.AgentGatewayService;
}

/** A client that is made from the published file alone. */
export class Agent {
  readonly #client: Stub;
  readonly hello: Unary;
  readonly pushStatus: Unary;
  readonly pushResults: Unary;

  /**
   * @param shown without a certificate, as somebody who has none
   * @param proto another file than the published one
   */
  constructor({ address, serverName, ca }: AgentIdentity, shown: { cert: string; key: string } | undefined, proto = PROTO) {
    const credentials = ChannelCredentials.createSsl(Buffer.from(ca), shown && Buffer.from(shown.key), shown && Buffer.from(shown.cert));
    const options = { 'grpc.ssl_target_name_override': serverName, 'grpc.use_local_subchannel_pool': 1 };
    this.#client = new (clientOf(proto))(address, credentials, options) as never;
    this.hello = this.unary('Hello');
    this.pushStatus = this.unary('PushStatus');
    this.pushResults = this.unary('PushResults');
  }

  /** Any call of one message. */
  unary(method: string): Unary {
    return promisify(this.#client[method]!.bind(this.#client)) as unknown as Unary;
  }

  streamStatus(): AgentStream {
    return this.stream('StreamStatus');
  }

  streamResults(): AgentStream {
    return this.stream('StreamResults');
  }

  close(): void {
    this.#client.close();
  }

  private stream(method: string): AgentStream {
    let call: ClientWritableStream<object> | undefined;
    const answer = new Promise<Answer>((resolve, reject) => {
      const done = (error: Error | null, value: Answer) => (error ? reject(error) : resolve(value));
      call = this.#client[method]!(done) as ClientWritableStream<object>;
    });
    // Whoever waits for it gets it all the same.
    answer.catch(() => undefined);
    call!.on('error', () => undefined);
    return {
      send: (message) => new Promise((resolve) => void call!.write(message, () => resolve())),
      end: () => call!.end(),
      cancel: () => call!.cancel(),
      answer,
    };
  }
}

/** The status of gRPC that a call was refused with; `answered` when it was not. */
export const refusalOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'answered',
    (error: { code: number }) => status[error.code]!,
  );

import { promisify } from 'node:util';
import { ChannelCredentials, type Client, loadPackageDefinition, type ServiceClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { type Api, ok } from '../../../lab/api.js';
import type { DownloadTokenDto } from '../../../src/bundles/dto/download-token.dto.js';
import type { OnboardingPackageDto } from '../../../src/onboarding/dto/onboarding-package.dto.js';
import { unpack } from '../../support/unpack.js';

/** What an agent shows and dials. */
export interface AgentIdentity {
  address: string;
  serverName: string;
  cert: string;
  key: string;
  ca: string;
}

/** What is in the bundle of an onboarding package. */
export async function identityOf(api: Api, { id }: OnboardingPackageDto): Promise<AgentIdentity> {
  const { token } = await ok(api.post<DownloadTokenDto>(`/admin/edge-packages/${id}/download-tokens`));
  const headers = { 'x-serviceradar-download-token': token };
  const archive = await ok(api.as({}).call<Buffer>('POST', `/edge-packages/${id}/bundle`, { headers }));
  const files = await unpack(archive);
  const text = (name: string) => [...files].find(([path]) => path.endsWith(`/${name}`))![1].text;
  const { gateway_address: address, server_name: serverName } = JSON.parse(text('config/gateway.json')) as Record<string, string>;
  return {
    address: address!,
    serverName: serverName!,
    cert: text('certs/component.pem'),
    key: text('certs/component-key.pem'),
    ca: text('certs/ca-chain.pem'),
  };
}

type Hello = (request: object) => Promise<Record<string, unknown>>;

/** A client that is made from the published file alone. */
export class Agent {
  readonly #client: Client & { Hello: unknown };
  readonly hello: Hello;

  /** @param shown without a certificate, as somebody who has none */
  constructor({ address, serverName, ca }: AgentIdentity, shown: { cert: string; key: string } | undefined) {
    const credentials = ChannelCredentials.createSsl(Buffer.from(ca), shown && Buffer.from(shown.key), shown && Buffer.from(shown.cert));
    const definition = loadSync('libs/contracts/agent_gateway.proto', { keepCase: true, longs: String, defaults: true });
    const { proto } = loadPackageDefinition(definition) as unknown as { proto: { AgentGatewayService: ServiceClientConstructor } };
    this.#client = new proto.AgentGatewayService(address, credentials, { 'grpc.ssl_target_name_override': serverName }) as never;
    this.hello = promisify((this.#client.Hello as (...given: unknown[]) => void).bind(this.#client)) as unknown as Hello;
  }

  close(): void {
    this.#client.close();
  }
}

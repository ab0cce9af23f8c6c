import { type Api, ok } from '../../../lab/api.js';
import type { AgentIdentity } from '../../../lab/agent.js';
import type { DownloadTokenDto } from '../../../src/bundles/dto/download-token.dto.js';
import type { OnboardingPackageDto } from '../../../src/onboarding/dto/onboarding-package.dto.js';
import { unpack } from '../../support/unpack.js';

export * from '../../../lab/agent.js';

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

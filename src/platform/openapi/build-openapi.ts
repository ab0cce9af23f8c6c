import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { finishDocument } from './finish-document.js';

const TAGS: [name: string, description: string][] = [
  ['Tenants', 'Who uses the platform. Each has a CA and a NATS account of its own. For platform admins.'],
  ['Edge sites', 'Places with a NATS leaf of their own, and the state of that leaf.'],
  ['Bundles', 'What is installed at a site: one tar.gz, downloaded by an operator or with a one-time token.'],
  ['NATS', "The tenant's NATS account, and short-lived users for people and tests."],
  ['Certificates', 'What was issued to the sites, and its revocation.'],
  ['PKI', 'CA chains and revocation lists, for whoever checks a certificate. Public.'],
  ['API keys', 'Who may call this API.'],
  ['Audit', 'Who did what.'],
  ['Health', 'Whether the process lives, and whether it can do its work. Public.'],
];

const DESCRIPTION = [
  "The control plane of edge NATS leaf deployments: it makes the certificates, credentials and configuration of a site's " +
    'NATS leaf, hands them out as one bundle, and keeps knowing how the leaf is doing.',
  'Errors are `application/problem+json` (RFC 9457) with a stable `code`. Lists have keyset cursors: give `next_cursor` ' +
    'back as `cursor`. Times are RFC 3339 in UTC; ids are UUIDs.',
  'A key that was narrowed to scopes needs the one that an operation names as `x-scope`.',
  'A call that creates is safe to repeat with an `Idempotency-Key`. What can be changed has an `ETag`, to be given back as `If-Match`. Calls are limited ' +
    'for each key and each address: `RateLimit` says what is left.',
].join('\n\n');

/** Not as `openIdConnect`, which names an issuer: that is the deployment's. */
const CREDENTIALS =
  'An API key, `sr_<id>_<secret>`; or an access token (JWT, RFC 9068) of the OpenID Connect issuer that the deployment has configured, meant for ' +
  'this API, with a role and, but for platform admins, a tenant in its claims.';

/** The OpenAPI document of the application's operations. Works on an application in preview mode, without a database. */
export function buildOpenApi(app: INestApplication): OpenAPIObject {
  const builder = new DocumentBuilder()
    .setTitle('ServiceRadar Edge')
    .setDescription(DESCRIPTION)
    .setVersion('0.1.0')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addServer('/', 'The server that this document comes from')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'sr_<id>_<secret> or JWT', description: CREDENTIALS }, 'bearer')
    .addSecurityRequirements('bearer');
  for (const [name, description] of TAGS) builder.addTag(name, description);
  return finishDocument(SwaggerModule.createDocument(app, builder.build(), { operationIdFactory }));
}

/** `EdgeSitesController.list` gives `edgeSitesList`; operations that clients see say their own. */
function operationIdFactory(controller: string, method: string): string {
  const noun = controller.replace(/Controller$/, '');
  return noun.charAt(0).toLowerCase() + noun.slice(1) + method.charAt(0).toUpperCase() + method.slice(1);
}

import { encodeCursor } from '../../../src/platform/paging/cursor.js';
import { type Described, type Operation, readOpenApi } from '../../support/openapi.js';
import { type Kind, SITE_LABELS, type World } from './world.js';

/** A place where an id of another tenant's may stand: in the path, in a parameter of the query, in a field of the body. */
export interface Row {
  operationId: string;
  method: string;
  path: string;
  /** `own` when every id is Acme's; `path`, or `query.<name>`, `body.<name>` when that one is Globex's. */
  ids: string;
  /** Whose schema the body has; undefined for an operation without a body. */
  bodySchema: string | undefined;
  operation: Operation;
}

export interface Request {
  method: string;
  path: string;
  options: { body?: unknown; headers?: Record<string, string> };
}

const { paths, components } = readOpenApi();

/** Ids are UUIDs on the wire. */
const isId = (schema: Described | undefined) => schema?.format === 'uuid';

/** Every operation of openapi.yaml, once for each place of an id. */
export const ROWS: Row[] = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).flatMap(([method, operation]) => {
    const bodySchema = operation.requestBody?.content['application/json']?.schema?.$ref?.split('/').at(-1);
    const query = (operation.parameters ?? []).filter((parameter) => parameter.in === 'query' && (isId(parameter.schema) || parameter.name === 'cursor'));
    const fields = Object.entries(bodySchema === undefined ? {} : (components.schemas[bodySchema]!.properties ?? {}));
    const places = [
      'own',
      ...(path.includes('{') ? ['path'] : []),
      ...query.map(({ name }) => `query.${name}`),
      ...fields.filter(([, schema]) => isId(schema)).map(([name]) => `body.${name}`),
    ];
    return places.map((ids) => ({ operationId: operation.operationId, method: method.toUpperCase(), path, ids, bodySchema, operation }));
  }),
);

/** What an operation that succeeds uses up: another caller needs another one. */
const USES_UP = new Set([
  'revokeApiKey',
  'revokeCertificate',
  'revokeNatsCredential',
  'deleteEdgeSite',
  'regenerateLeafServer',
  'revokeCollectorPackage',
  'revokeOnboardingPackage',
  'downloadOnboardingBundle',
  'deleteCheck',
  'deleteAlertRule',
  'deleteAlertChannel',
  'deleteAlertSilence',
]);

let made = 0;

/** A body that the operation takes, with the ids in it. */
const BODIES: Record<string, (edgeSiteId: string, alertRuleId: string) => object> = {
  CreateApiKey: () => ({ name: 'Terraform', role: 'viewer' }),
  CreateTenant: () => ({ name: `Tenant ${(made += 1)}` }),
  RevokeCertificate: () => ({ reason: 'superseded' }),
  CreateNatsCredential: () => ({ name: 'debugging', publish: ['x'], subscribe: [], expires_in: 60 }),
  CreateEdgeSite: () => ({ name: 'Plant', slug: `plant-${(made += 1)}`, labels: SITE_LABELS }),
  UpdateEdgeSite: () => ({ labels: { ...SITE_LABELS, at: String((made += 1)) } }),
  RunningConfig: () => ({ checksum: '0'.repeat(64) }),
  CreateCollectorPackage: (edge_site_id) => ({ collector_type: 'otel', edge_site_id }),
  CreateOnboardingPackage: (edge_site_id) => ({ label: 'Agent', component_type: 'agent', component_id: `component-${(made += 1)}`, edge_site_id }),
  CreateCheck: (edge_site_id) => ({ name: `Check ${(made += 1)}`, check_type: 'tcp', target: 'plc.local', port: 22, edge_site_id }),
  UpdateCheck: () => ({ interval_sec: 60, timeout_sec: 5 }),
  CreateDownloadToken: () => ({ expires_in: 60 }),
  ActivateTenantCa: () => ({ force: false }),
  RotationStep: () => ({ force: false }),
  RetireSigningKey: () => ({ force: false }),
  SetStreamSubjects: () => ({ subjects: [`added.${(made += 1)}`] }),
  CreateAlertRule: () => ({ name: 'Gone', kind: 'disconnected_for', threshold: 300, severity: 'critical', label_selector: SITE_LABELS }),
  UpdateAlertRule: () => ({ threshold: 300 + (made += 1), label_selector: SITE_LABELS }),
  CreateAlertChannel: () => ({ name: 'On call', kind: 'nats' }),
  UpdateAlertChannel: () => ({ name: `On call ${(made += 1)}` }),
  CreateAlertSilence: (edge_site_id, rule_id) => ({ rule_id, edge_site_id, label_selector: SITE_LABELS, until: new Date(Date.now() + 3_600_000).toISOString(), reason: 'Power' }),
};

/** A body that an operation of this row takes. */
export function bodyOf({ bodySchema, operationId, ids }: Row, { acme, globex }: World): object | undefined {
  if (bodySchema === undefined) return undefined;
  const make = BODIES[bodySchema];
  if (make === undefined) throw new Error(`${operationId} takes a ${bodySchema}: say in BODIES what one looks like.`);
  return make((ids === 'body.edge_site_id' ? globex : acme).ids['edge-sites'], (ids === 'body.rule_id' ? globex : acme).ids['alert-rules']);
}

/** @param succeeds whether the operation is expected to do what it does */
export async function requestOf(row: Row, world: World, succeeds: boolean): Promise<Request> {
  const { method, path, ids } = row;
  const kind = /((?:operator\/)?[a-z-]+)\/\{\w+\}/.exec(path)?.[1] as Kind | undefined;
  const { acme, globex } = world;
  const whose = ids === 'path' ? globex : acme;
  const own = kind && (succeeds && USES_UP.has(row.operationId) ? await world.fresh(kind) : acme.ids[kind]);
  const id = kind && (ids === 'path' ? globex.ids[kind] : own);
  const parameter = /^query\.(\w+)/.exec(ids)?.[1];
  // Whatever is listed, the site is foreign to it.
  const foreign = globex.ids['edge-sites'];
  const query = parameter && `?${parameter}=${parameter === 'cursor' ? encodeCursor(foreign) : foreign}`;
  const needsToken = row.operation.parameters?.some(({ name }) => name === 'x-serviceradar-download-token');
  return {
    method,
    path: `${path.replace(/^\/api/, '').replace('{slug}', whose.slug).replace('{serial}', whose.serial).replace('{id}', id ?? '')}${query ?? ''}`,
    options: {
      body: bodyOf(row, world),
      ...(needsToken && { headers: { 'x-serviceradar-download-token': await world.token(kind!, own!) } }),
    },
  };
}

import { DomainError, type FieldError, isSlug } from '#libs/kernel';
import { CLAIMS_UPDATE_SUBJECT } from './claims-update.js';
import { ANY_CONNECTIONS_SUBJECT, connectionsSubject } from './connections.js';
import { assertPublicKey } from './nkeys.js';
import { LEAF_LINKS_SUBJECT } from './presence.js';
import { AGENT_RESULTS_SUBJECTS, EVENTS_STREAM } from './stream-names.js';
import { assertSubject, firstToken, isSubject, subjectIsWithin } from './subjects.js';
import { SERVER_STATE_SUBJECT } from './trusted-keys.js';

/** Subjects that may be used in one direction. Nothing is allowed that `allow` does not name; `deny` takes away from it. */
export interface SubjectRules {
  readonly allow: readonly string[];
  readonly deny?: readonly string[];
}

/** What a NATS user may do, as seen by the server that it connects to. */
export interface Permissions {
  readonly publish: SubjectRules;
  readonly subscribe: SubjectRules;
}

/** The prefix of the inboxes that the control plane's own connections use; nobody else may subscribe there. */
export const CONTROL_INBOX_PREFIX = '_CP';

const STREAM_VERBS = ['CREATE', 'UPDATE', 'INFO', 'DELETE'];
const CLIENT_INBOX = '_INBOX.>';
const ANY_CONSUMER = [`CONSUMER.CREATE.${EVENTS_STREAM}`, `CONSUMER.CREATE.${EVENTS_STREAM}.>`];

/**
 * What a leaf's own user may do on the hub: answer the control plane, deliver its site's messages, acknowledge flow control,
 * and receive exactly the API requests that make its stream and source it. The subjects are exact on purpose: a wildcard in
 * place of a verb gives "no responders", and over an open link a site could delete the hub's streams through `$JS.hub.API.>`.
 *
 * @param site the slug of the site, unique in the tenant
 * @param jetstreamDomain the site's JetStream domain, unique in the tenant
 * @throws DomainError `invalid_configuration` when either is no slug: it would become part of a subject.
 */
export function leafUserPermissions({ site, jetstreamDomain }: { site: string; jetstreamDomain: string }): Permissions {
  assertToken('site', site);
  assertToken('JetStream domain', jetstreamDomain);
  const api = `$JS.${jetstreamDomain}.API`;
  return {
    publish: { allow: [`${CONTROL_INBOX_PREFIX}.>`, `_sync.${site}.>`, '$JSC.R.*'] },
    subscribe: {
      allow: [
        ...STREAM_VERBS.map((verb) => `${api}.STREAM.${verb}.${EVENTS_STREAM}`),
        `${api}.CONSUMER.CREATE.${EVENTS_STREAM}`,
        `${api}.CONSUMER.CREATE.${EVENTS_STREAM}.>`,
        `$JS.FC.${EVENTS_STREAM}.>`,
      ],
    },
  };
}

/**
 * What the reconciler's user in a tenant's account may do at the hub: make and read the stream there and on every leaf, and the shards of the one
 * at the hub, and hear what the hub asks leaves for. A subject has no wildcard for the rest of a name: shards are all of the account's streams at
 * the hub, but none can be deleted.
 */
export function streamServicePermissions(): Permissions {
  return {
    publish: {
      allow: [
        ...['$JS.API', '$JS.*.API'].flatMap((api) => STREAM_VERBS.map((verb) => `${api}.STREAM.${verb}.${EVENTS_STREAM}`)),
        ...['CREATE', 'UPDATE', 'INFO'].map((verb) => `$JS.API.STREAM.${verb}.*`),
      ],
    },
    subscribe: { allow: [`${CONTROL_INBOX_PREFIX}.>`, ...ANY_CONSUMER.map((call) => `$JS.*.API.${call}`)] },
  };
}

/**
 * What a leaf's user in the tenant's control account may do: hear of new account JWTs, be asked who is connected in the tenant's account,
 * and answer. The link joins the control account with the leaf's system account: whatever else crossed it would let a site tell other sites'
 * servers what to do.
 *
 * @param account public key of the tenant's account
 * @throws DomainError `invalid_configuration` when it is none
 */
export function leafControlPermissions({ account }: { account: string }): Permissions {
  assertPublicKey(account, 'account');
  return {
    publish: { allow: [`${CONTROL_INBOX_PREFIX}.>`] },
    subscribe: { allow: [CLAIMS_UPDATE_SUBJECT, connectionsSubject(account)] },
  };
}

/** What the control plane's user in a tenant's control account may do: push account JWTs to the tenant's leaves. */
export function leafAccountServicePermissions(): Permissions {
  return { publish: { allow: [CLAIMS_UPDATE_SUBJECT] }, subscribe: { allow: [`${CONTROL_INBOX_PREFIX}.>`] } };
}

/** What the control plane's other user in a tenant's control account may do: ask the tenant's leaves who is connected. */
export function leafConnectionsServicePermissions(): Permissions {
  return { publish: { allow: [ANY_CONNECTIONS_SUBJECT] }, subscribe: { allow: [`${CONTROL_INBOX_PREFIX}.>`] } };
}

/** What the gateway's user in a tenant's account may do: publish what agents have collected, and hear that it is stored. */
export function agentResultsServicePermissions(): Permissions {
  return { publish: { allow: [AGENT_RESULTS_SUBJECTS] }, subscribe: { allow: [`${CONTROL_INBOX_PREFIX}.>`] } };
}

/** What the control plane's user in a tenant's account may do that tells of alerts: publish them. */
export function alertServicePermissions(): Permissions {
  return { publish: { allow: ['alerts.>'] }, subscribe: { allow: [`${CONTROL_INBOX_PREFIX}.>`] } };
}

/** What the control plane's user in the hub's system account may do: push account JWTs, see who connects, ask who is connected and whom it trusts. */
export function systemServicePermissions(): Permissions {
  return {
    publish: {
      allow: [CLAIMS_UPDATE_SUBJECT, LEAF_LINKS_SUBJECT, ANY_CONNECTIONS_SUBJECT, SERVER_STATE_SUBJECT, '$SYS.REQ.SERVER.*.KICK'],
    },
    subscribe: { allow: ['$SYS.ACCOUNT.*.CONNECT', '$SYS.ACCOUNT.*.DISCONNECT', `${CONTROL_INBOX_PREFIX}.>`] },
  };
}

/**
 * What a collector may do: publish the subjects, find out that the stream is there, and receive the acknowledgements.
 * @throws DomainError `invalid_configuration` when a subject is malformed or reserved.
 */
export function publisherPermissions(subjects: readonly string[]): Permissions {
  for (const subject of subjects) {
    assertSubject(subject, { wildcards: true });
    if (isReserved(subject)) throw new DomainError('invalid_configuration', `A collector may not publish to the reserved subject ${subject}.`);
  }
  const api = ['INFO', 'STREAM.NAMES', `STREAM.INFO.${EVENTS_STREAM}`].map((call) => `$JS.API.${call}`);
  return { publish: { allow: [...subjects, ...api] }, subscribe: { allow: [CLIENT_INBOX] } };
}

/**
 * What a reader of the stream may do: consume these subjects from its beginning or as they come, with acknowledgement; it can
 * change nothing. A consumer is asked for with its one filter in the subject of the request, so that the server holds it to that.
 *
 * @param filters subjects or patterns, each the filter of a consumer; without them, the whole stream
 */
export function streamReaderPermissions(filters?: readonly string[]): Permissions {
  const calls = [
    'INFO',
    'STREAM.NAMES',
    `STREAM.INFO.${EVENTS_STREAM}`,
    ...(filters ? filters.map((filter) => `CONSUMER.CREATE.${EVENTS_STREAM}.*.${filter}`) : ANY_CONSUMER),
    `CONSUMER.INFO.${EVENTS_STREAM}.*`,
    `CONSUMER.MSG.NEXT.${EVENTS_STREAM}.*`,
    `CONSUMER.DELETE.${EVENTS_STREAM}.*`,
  ];
  return {
    publish: { allow: [...calls.map((call) => `$JS.API.${call}`), `$JS.ACK.${EVENTS_STREAM}.>`, `$JS.FC.${EVENTS_STREAM}.>`] },
    subscribe: { allow: [CLIENT_INBOX] },
  };
}

/**
 * What a short-lived user of a person may do. Every refused subject is reported at once, with a JSON pointer into
 * `{publish: [], subscribe: []}`.
 *
 * @param within patterns that each subject must lie in; without it, any subject that is not reserved
 * @throws DomainError `validation_failed` when a subject is malformed, reserved or outside of `within`.
 */
export function personPermissions(
  asked: { publish: readonly string[]; subscribe: readonly string[] },
  within?: readonly string[],
): Permissions {
  const errors = (['publish', 'subscribe'] as const).flatMap((direction) =>
    asked[direction].flatMap((subject, index): FieldError[] => {
      const refusal = refuseSubject(subject, within);
      return refusal ? [{ pointer: `/${direction}/${index}`, ...refusal }] : [];
    }),
  );
  if (errors.length > 0) throw new DomainError('validation_failed', 'Some subjects cannot be given to a user.', { errors });
  return {
    publish: { allow: asked.publish },
    // A request or an acknowledged publish needs somewhere to be answered.
    subscribe: { allow: asked.publish.length > 0 ? [...asked.subscribe, CLIENT_INBOX] : asked.subscribe },
  };
}

/**
 * Whether a subject or pattern reaches into what NATS and the control plane keep for themselves: first tokens that begin with
 * `$` ($SYS, $JS, $KV, $JSC, …) or `_` (_INBOX, _sync, _CP, …), and patterns whose first token is a wildcard, as that matches them.
 */
export function isReserved(subject: string): boolean {
  return /^[$_*>]/.test(firstToken(subject));
}

/** Why a subject or pattern cannot be used by a tenant; undefined when it can. */
export function refuseSubject(subject: string, within?: readonly string[]): Omit<FieldError, 'pointer'> | undefined {
  if (!isSubject(subject, { wildcards: true })) {
    return { code: 'invalid_subject', detail: 'This is not a NATS subject: tokens of visible ASCII characters, joined by dots.' };
  }
  if (isReserved(subject)) {
    return { code: 'reserved_subject', detail: `${subject} reaches into subjects that NATS keeps for itself.` };
  }
  if (within && !subjectIsWithin(subject, within)) {
    return { code: 'subject_not_allowed', detail: `${subject} is outside of ${within.join(', ')}.` };
  }
  return undefined;
}

function assertToken(what: string, text: string): void {
  if (!isSlug(text)) throw new DomainError('invalid_configuration', `The ${what} "${text}" is not a slug and cannot be part of a subject.`);
}

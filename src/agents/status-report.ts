import type { AgentServiceStatus } from '#libs/contracts';
import { DomainError, type FieldError } from '#libs/kernel';
import { type AgentPeer, assertSelf } from './agent-peer.js';
import { jsonObjectOf, wellFormed } from './plain-text.js';

/** Services in a message at most. */
export const SERVICES_MAX = 256;

/** Bytes of what a check found, at most. */
export const DETAILS_MAX = 16 * 1024;

/** What a status takes in memory beside what its check found. */
const STATUS_BYTES = 1_024;

/** Characters of the name of a service, at most. */
const NAME_MAX = 200;

const NAME = /^[^\u0000-\u001f\u007f-\u009f]+$/;
const TYPE = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

/** How a service is, as an agent says it. */
export interface ServiceReport {
  name: string;
  type: string;
  available: boolean;
  details: Record<string, unknown>;
  responseTimeNs: number;
  /** Bytes, about, that it takes. */
  size: number;
}

/**
 * Takes a message apart. It counts as a whole or not at all.
 * @throws DomainError `forbidden` when a service is said to be another agent's; `validation_failed` naming everything that is wrong
 */
export function readStatuses(peer: AgentPeer, services: readonly AgentServiceStatus[]): ServiceReport[] {
  if (services.length > SERVICES_MAX) {
    throw refusal([{ pointer: '/services', code: 'too_many', detail: `A message has ${SERVICES_MAX} services at most; this one has ${services.length}. Send more of them.` }]);
  }
  for (const service of services) assertSelf(peer, service);
  const errors = services.flatMap((service, at) => problemsOf(service).map(([field, code, detail]) => ({ pointer: `/services/${at}/${field}`, code, detail })));
  if (errors.length > 0) throw refusal(errors);
  return services.map(({ service_name, service_type, available, message, response_time }) => ({
    name: wellFormed(service_name),
    type: service_type,
    available,
    details: jsonObjectOf(message),
    responseTimeNs: response_time,
    size: STATUS_BYTES + 2 * message.length,
  }));
}

type Problem = [field: string, code: string, detail: string];

function problemsOf({ service_name, service_type, message, response_time }: AgentServiceStatus): Problem[] {
  const problems: [boolean, ...Problem][] = [
    [service_name.length > NAME_MAX || !NAME.test(service_name), 'service_name', 'invalid_name', `A name has 1 to ${NAME_MAX} characters, none of them a control character.`],
    [!TYPE.test(service_type), 'service_type', 'invalid_type', 'A type has 1 to 64 letters, digits, dots, dashes and underscores.'],
    [message.length > DETAILS_MAX, 'message', 'too_large', `A message has ${DETAILS_MAX} bytes at most; this one has ${message.length}.`],
    [!Number.isSafeInteger(response_time) || response_time < 0, 'response_time', 'out_of_range', 'A response time is nanoseconds, from 0 on.'],
  ];
  return problems.flatMap(([isWrong, ...problem]) => (isWrong ? [problem] : []));
}

/** gRPC has one text for it all. */
function refusal(errors: FieldError[]): DomainError {
  const first = errors.slice(0, 3).map(({ pointer, detail }) => `${pointer}: ${detail}`);
  return new DomainError('validation_failed', `The statuses are not valid. ${first.join(' ')}`, { errors });
}

import { DomainError, type FieldError } from '#libs/kernel';
import { refuseSubject } from './permissions.js';
import { AGENT_RESULTS_SUBJECTS, CAPTURED_SUBJECTS } from './stream-names.js';
import { assertSubject, subjectsOverlap } from './subjects.js';

/**
 * What a tenant's streams store: what the collectors publish, whichever types the tenant uses, and what it added. A server takes no stream whose
 * subjects overlap.
 */
export const streamSubjects = (added: readonly string[]): string[] => [...CAPTURED_SUBJECTS, ...added];

/**
 * What the tenant's stream at the hub stores: besides, the results of agents. A tenant that had added a subject that overlaps with them before
 * there were any goes on with that.
 * @param subjects those of all its streams
 */
export const hubStreamSubjects = (subjects: readonly string[]): string[] =>
  subjects.some((one) => subjectsOverlap(one, AGENT_RESULTS_SUBJECTS)) ? [...subjects] : [...subjects, AGENT_RESULTS_SUBJECTS];

/**
 * Where a result of an agent is published.
 * @param site the slug of the agent's site
 * @param type the kind of result, as the agent says
 * @throws DomainError `invalid_configuration` when either cannot be a token of a subject
 */
export function agentResultSubject(site: string, type: string): string {
  for (const token of [site, type]) {
    assertSubject(token, { wildcards: false });
    if (token.includes('.')) throw new DomainError('invalid_configuration', `This is more than a token of a subject: ${JSON.stringify(token)}.`);
  }
  return `agent.results.${site}.${type}`;
}

/**
 * Checks what a tenant wants its streams to store besides. Every refused subject is reported at once, with a JSON pointer into `{subjects: []}`.
 * @throws DomainError `validation_failed` when a subject is malformed, reserved, or overlaps with one that is stored already or another of these
 */
export function checkAddedSubjects(added: readonly string[]): void {
  const errors = added.flatMap((subject, index): FieldError[] => {
    const refusal = refuseSubject(subject) ?? overlap(subject, added.slice(0, index));
    return refusal ? [{ pointer: `/subjects/${index}`, ...refusal }] : [];
  });
  if (errors.length > 0) throw new DomainError('validation_failed', 'Some subjects cannot be added to the stream.', { errors });
}

function overlap(subject: string, before: readonly string[]): Omit<FieldError, 'pointer'> | undefined {
  const other = [...streamSubjects(before), AGENT_RESULTS_SUBJECTS].find((one) => subjectsOverlap(subject, one));
  return other === undefined ? undefined : { code: 'subject_overlaps', detail: `${subject} overlaps with ${other}, which the stream stores already.` };
}

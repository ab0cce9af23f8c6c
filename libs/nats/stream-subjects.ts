import { DomainError, type FieldError } from '#libs/kernel';
import { refuseSubject } from './permissions.js';
import { CAPTURED_SUBJECTS } from './stream-names.js';
import { subjectsOverlap } from './subjects.js';

/**
 * What a tenant's streams store: what the collectors publish, whichever types the tenant uses, and what it added. A server takes no stream whose
 * subjects overlap.
 */
export const streamSubjects = (added: readonly string[]): string[] => [...CAPTURED_SUBJECTS, ...added];

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
  const other = streamSubjects(before).find((one) => subjectsOverlap(subject, one));
  return other === undefined ? undefined : { code: 'subject_overlaps', detail: `${subject} overlaps with ${other}, which the stream stores already.` };
}

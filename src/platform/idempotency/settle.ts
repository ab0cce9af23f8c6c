import { IdempotencyKey } from '#libs/model';
import type { Claim } from '../auth/index.js';
import type { Em } from '../database/index.js';

/**
 * Notes with a claim what was done, in the transaction of the deed. Somebody else may have taken the claim over since: the row has another id
 * then, and the transaction fails (`OptimisticLockError`) instead of doing it twice.
 */
export function settle(em: Em, { id }: Claim, { subjectType, subjectId }: { subjectType: string; subjectId: string | null }, doneAt: Date): void {
  const claimed = em.getUnitOfWork().getById<IdempotencyKey>(IdempotencyKey, id) ?? em.merge(IdempotencyKey, { id, version: 1 });
  Object.assign(claimed, { subjectType, subjectId, doneAt });
}

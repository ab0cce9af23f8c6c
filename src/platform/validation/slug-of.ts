import { DomainError, slugFromName } from '#libs/kernel';

/**
 * The slug that was given, or one made of the name.
 * @throws DomainError `validation_failed` when the name holds nothing that a slug can be made of
 */
export function slugOf({ name, slug = slugFromName(name) }: { name: string; slug?: string }): string {
  if (slug !== undefined) return slug;
  const detail = 'The name holds no Latin letter or digit to make a slug of: give a slug.';
  throw new DomainError('validation_failed', detail, { errors: [{ pointer: '/slug', code: 'required', detail }] });
}

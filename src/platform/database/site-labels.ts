import { raw } from '@mikro-orm/postgresql';

type Labels = Readonly<Record<string, string>>;

/** The condition of a site that has all of these labels. */
export const siteWith = (labels: Labels) => ({ labels: { $contains: labels } });

/**
 * The condition of a row that belongs, by its `edge_site_id`, to a site that has all of these labels now. What belongs to none, or to one
 * that is gone, does not meet it.
 */
export const ofSiteWith = (labels: Labels) => ({
  [raw(
    (alias) => `exists (select from edge_sites "labelled" where "labelled".id = ${alias}.edge_site_id and "labelled".labels @> ?::jsonb)`,
    [JSON.stringify(labels)],
  )]: [],
});

import type { EdgeSiteStatus } from '#libs/lifecycle';
import type { EdgeSite } from '#libs/model';
import type { Where } from '../platform/database/index.js';

export interface SiteFilter {
  status?: EdgeSiteStatus;
  name?: string;
  label?: string;
}

/** The condition of a list of sites. */
export function siteCondition({ status, name, label }: SiteFilter): Where<EdgeSite> {
  const conditions: Where<EdgeSite>[] = [];
  if (status !== undefined) conditions.push({ status });
  if (name !== undefined) conditions.push({ name: { $ilike: `%${escapeLike(name)}%` } });
  if (label !== undefined) conditions.push({ labels: labelCondition(label) } as Where<EdgeSite>);
  return { $and: conditions } as Where<EdgeSite>;
}

/** `key=value` wants that value; `key` alone wants any. */
function labelCondition(label: string): Record<string, unknown> {
  const [key = '', ...rest] = label.split('=');
  return rest.length === 0 ? { $hasKey: key } : { $contains: { [key]: rest.join('=') } };
}

const escapeLike = (text: string) => text.replace(/[\\%_]/g, '\\$&');

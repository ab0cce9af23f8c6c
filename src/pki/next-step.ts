import type { Certificate } from '#libs/model';

/** What a person has to do after something was done for them. */
export interface NextStep {
  action: 'regenerate_leaf_server';
  detail: string;
}

/** A revoked certificate of a leaf leaves the leaf without one that is good: only a new generation brings it one. */
export function nextStepAfterRevoking({ kind, edgeSiteId }: Certificate): NextStep | null {
  if ((kind !== 'leaf' && kind !== 'leaf_listener') || !edgeSiteId) return null;
  return {
    action: 'regenerate_leaf_server',
    detail:
      'The leaf goes on using this certificate until its files are replaced, and NATS servers do not read revocation lists. ' +
      `Call POST /api/admin/edge-sites/${edgeSiteId}/leaf-server/regenerate and install the new bundle: the credentials of ` +
      'the old generation are revoked once the new one has connected, and that cuts off whoever still holds them.',
  };
}

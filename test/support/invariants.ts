import type { Client } from 'pg';

/** What may never be on record, whatever fails when: a query for each, that answers with a text for each offence. */
const OFFENCES: Record<string, string> = {
  'a site without a leaf': `
    select site.slug as what from edge_sites site where not exists (select from nats_leaf_servers where edge_site_id = site.id)`,
  'a leaf that has a generation without its bundle': `
    select id::text as what from nats_leaf_servers where (provisioned_generation is null) <> (bundle_ciphertext is null)`,
  'a generation without exactly one certificate of each kind': `
    select leaf.id || ' ' || kind.kind as what
      from nats_leaf_servers leaf cross join (values ('leaf'), ('leaf_listener')) as kind (kind)
     where leaf.provisioned_generation is not null
       and 1 <> (select count(*) from certificates made
                  where made.edge_site_id = leaf.edge_site_id and made.generation = leaf.provisioned_generation
                    and made.kind = kind.kind and made.status in ('issued', 'revoked'))`,
  'a generation without exactly one user of each purpose': `
    select leaf.id || ' ' || purpose.purpose as what
      from nats_leaf_servers leaf cross join (values ('leaf'), ('leaf_control')) as purpose (purpose)
     where leaf.provisioned_generation is not null
       and 1 <> (select count(*) from nats_users made
                  where made.edge_site_id = leaf.edge_site_id and made.generation = leaf.provisioned_generation
                    and made.purpose = purpose.purpose and made.status in ('issued', 'revoked'))`,
  'a collector that is ready without exactly one certificate and user': `
    select id::text as what from collector_packages package
     where status in ('ready', 'downloaded', 'installed')
       and (1 <> (select count(*) from certificates where collector_package_id = package.id and status = 'issued')
         or 1 <> (select count(*) from nats_users where collector_package_id = package.id and status = 'issued'))`,
  'a site that was not recorded once when it was made': `
    select site.slug as what from edge_sites site
     where 1 <> (select count(*) from audit_events where action = 'edge_site.create' and subject_id = site.id)`,
  'a site that is recorded, and is not there': `
    select subject_id::text as what from audit_events where action = 'edge_site.create' and subject_id not in (select id from edge_sites)`,
  'a generation that was not recorded once when it was provisioned': `
    select edge_site_id::text as what from nats_leaf_servers leaf
     where provisioned_generation is not null
       and provisioned_generation <> (select count(*) from audit_events where action = 'nats_leaf_server.provision' and subject_id = leaf.edge_site_id)`,
  'an object whose tokens were not each recorded once': `
    select object_id::text as what from download_tokens token group by object_id
    having count(*) <> (select count(*) from audit_events where action = 'download_token.create' and subject_id = object_id)`,
  'a token that is used, without the download on record': `
    select id::text as what from download_tokens token
     where used_at is not null and not exists (select from audit_events where actor = 'download_token:' || token.id)`,
  'a download on record, whose token is not used': `
    select actor as what from audit_events
     where actor in (select 'download_token:' || id from download_tokens where used_at is null)`,
};

/** @param client of a superuser: row-level security would hide offences @returns what is on record and may not be, in sentences */
export async function offences(client: Client): Promise<string[]> {
  const found: string[] = [];
  for (const [offence, query] of Object.entries(OFFENCES)) {
    const { rows } = await client.query<{ what: string }>(query);
    found.push(...rows.map(({ what }) => `There is ${offence}: ${what}.`));
  }
  return found;
}

import { Migration } from '@mikro-orm/migrations';

/** API keys can be narrowed to scopes, and to sites with labels. Empty is not narrowed, as all keys are that are there already. */
export class Migration20261126_20_narrowed_keys extends Migration {
  override up(): void {
    this.addSql(`
      alter table api_keys
        add column scopes jsonb not null default '[]' check (jsonb_typeof(scopes) = 'array'),
        add column site_labels jsonb not null default '{}' check (jsonb_typeof(site_labels) = 'object');
    `);
  }
}

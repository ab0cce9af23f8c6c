import { Migration } from '@mikro-orm/migrations';

/** Results of agents that were published lately, so that one that is sent again is not published twice. What agents write often leaves room in its pages. */
export class Migration20261126_27_agent_results extends Migration {
  override up(): void {
    this.addSql(`
      create table agent_results (
        agent_id uuid not null references agents on delete cascade,
        result_id text not null,
        tenant_id uuid not null references tenants,
        published_at timestamptz not null,
        primary key (agent_id, result_id)
      );
      create index agent_results_by_age on agent_results (published_at);

      alter table agent_results enable row level security;
      alter table agent_results force row level security;
      create policy platform on agent_results to app_platform using (true) with check (true);
      create policy tenant on agent_results to app
        using (tenant_id = (select app_tenant_id())) with check (tenant_id = (select app_tenant_id()));
      grant select, insert, update, delete on agent_results to app, app_platform;

      alter table agents set (fillfactor = 70);
      alter table agent_services set (fillfactor = 70);
    `);
  }
}

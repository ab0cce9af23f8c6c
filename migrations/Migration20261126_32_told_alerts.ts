import { Migration } from '@mikro-orm/migrations';

/** Alerts are told, too; and of services that agents check, all that moves `changed_at`. */
export class Migration20261126_32_told_alerts extends Migration {
  override up(): void {
    this.addSql(`
      create trigger change_event_of_row after insert or delete on alerts for each row execute function record_change('alert');
      create trigger change_event_of_columns after update on alerts
        for each row when ((old.status, old.severity, old.summary, old.acknowledged_at) is distinct from (new.status, new.severity, new.summary, new.acknowledged_at))
        execute function record_change('alert');

      drop trigger change_event_of_columns on agent_services;
      create trigger change_event_of_columns after update on agent_services
        for each row when (old.changed_at is distinct from new.changed_at) execute function record_change('agent');
    `);
  }
}

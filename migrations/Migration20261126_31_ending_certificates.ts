import { Migration } from '@mikro-orm/migrations';

/** Metrics tell how many certificates end soon, each time that they are asked for: without their rows, which are wide. */
export class Migration20261126_31_ending_certificates extends Migration {
  override up(): void {
    this.addSql(`create index certificates_ending on certificates (not_after, kind) where status = 'issued';`);
  }
}

import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { Clock } from '#libs/kernel';
import { CLOCK } from '../platform/clock.js';
import { Database, PLATFORM } from '../platform/database/index.js';
import { Metrics } from '../platform/metrics/index.js';

const DAY = 24 * 60 * 60 * 1000;

/** A service makes itself another certificate whenever it starts: that of the start before ends unused. Who is revoked is replaced. */
const ENDS = `
  select kind, min(not_after) as next,
         (count(*) filter (where not_after <= ?))::integer as week,
         (count(*) filter (where not_after <= ?))::integer as month
    from (select kind, not_after from certificates where status = 'issued' and kind <> 'service' and not_after > ?
          union all select 'tenant_ca', not_after from tenant_cas where status = 'active'
          union all select kind || '_ca', not_after from platform_cas) as good
   group by kind`;

interface Ends {
  kind: string;
  next: Date;
  week: number;
  month: number;
}

const GAUGES = {
  certificates_expiring: 'Certificates of a kind that are good now and end within so many days.',
  certificate_next_expiry_timestamp_seconds: 'When the first certificate of a kind ends that is good now.',
};

/** Tells Prometheus how soon certificates end: of leaves, collectors and agents, and of the CAs that sign. */
@Injectable()
export class CertificateMetrics implements OnModuleInit {
  constructor(
    private readonly database: Database,
    private readonly metrics: Metrics,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.metrics.gauges(GAUGES, ['kind', 'within_days'], async (gauges) => {
      const now = this.clock.now();
      const within = (days: number) => new Date(now.getTime() + days * DAY);
      for (const { kind, next, week, month } of await this.database.statement<Ends>(PLATFORM, ENDS, [within(7), within(30), now])) {
        gauges.certificates_expiring.set({ kind, within_days: '7' }, week);
        gauges.certificates_expiring.set({ kind, within_days: '30' }, month);
        gauges.certificate_next_expiry_timestamp_seconds.set({ kind }, new Date(next).getTime() / 1000);
      }
    });
  }
}

import { Injectable, type OnModuleInit } from '@nestjs/common';
import { EdgeSite, NatsLeafServer, SiteBuffer, Tenant } from '#libs/model';
import { Database, PLATFORM } from '../platform/database/index.js';
import { Metrics } from '../platform/metrics/index.js';
import { fullInOf } from './buffer-row.js';

const GAUGES = {
  site_connected: 'Whether the leaf of a site is connected to the hub.',
  site_buffer_measured_timestamp_seconds: 'When the leaf was asked last; all of site_buffer is as of then.',
  site_buffer_waiting_messages: 'Messages at the leaf that the hub has not got, at most.',
  site_buffer_waiting_bytes: 'Bytes of these.',
  site_buffer_oldest_age_seconds: 'Age of the oldest of these; 0 when there are none.',
  site_buffer_stored_messages: 'All messages at the leaf.',
  site_buffer_stored_bytes: 'Bytes of these.',
  site_buffer_max_bytes: 'Bytes that the leaf keeps at most.',
  site_buffer_max_age_seconds: 'How long the leaf keeps messages.',
  site_buffer_message_rate: 'Messages that come in a second, on average of about the last hour.',
  site_buffer_byte_rate: 'Bytes that come in a second.',
  site_buffer_full_in_seconds: 'When the leaf has no room for what the hub has not got, if nothing is forwarded; +Inf when never.',
};

/** Tells Prometheus what is on record of sites that have connected at least once. */
@Injectable()
export class BufferMetrics implements OnModuleInit {
  constructor(
    private readonly database: Database,
    private readonly metrics: Metrics,
  ) {}

  onModuleInit(): void {
    this.metrics.gauges(GAUGES, ['tenant', 'site'], async (gauges) => {
      for (const { labels, connected, buffer } of await this.sites()) {
        gauges.site_connected.set(labels, connected ? 1 : 0);
        if (buffer === undefined) continue;
        gauges.site_buffer_measured_timestamp_seconds.set(labels, buffer.measuredAt.getTime() / 1000);
        gauges.site_buffer_waiting_messages.set(labels, buffer.waitingMessages);
        gauges.site_buffer_waiting_bytes.set(labels, buffer.waitingBytes);
        gauges.site_buffer_oldest_age_seconds.set(labels, (buffer.oldestAgeMs ?? 0) / 1000);
        gauges.site_buffer_stored_messages.set(labels, buffer.messages);
        gauges.site_buffer_stored_bytes.set(labels, buffer.bytes);
        gauges.site_buffer_max_bytes.set(labels, buffer.maxBytes);
        gauges.site_buffer_max_age_seconds.set(labels, buffer.maxAgeMs / 1000);
        gauges.site_buffer_message_rate.set(labels, buffer.messageRate);
        gauges.site_buffer_byte_rate.set(labels, buffer.byteRate);
        gauges.site_buffer_full_in_seconds.set(labels, fullInOf(buffer) ?? Infinity);
      }
    });
  }

  private sites() {
    return this.database.transaction(PLATFORM, async (em) => {
      const leaves = await em.find(NatsLeafServer, { connectedAt: { $ne: null } }, { fields: ['edgeSiteId', 'tenantId', 'linkId'] });
      const siteOf = new Map((await em.find(EdgeSite, {}, { fields: ['id', 'slug'] })).map(({ id, slug }) => [id, slug]));
      const tenantOf = new Map((await em.find(Tenant, {}, { fields: ['id', 'slug'] })).map(({ id, slug }) => [id, slug]));
      const bufferOf = new Map((await em.find(SiteBuffer, {})).map((buffer) => [buffer.edgeSiteId, buffer]));
      return leaves.flatMap(({ edgeSiteId, tenantId, linkId }) => {
        const [site, tenant] = [siteOf.get(edgeSiteId), tenantOf.get(tenantId)];
        // What is deleted between the queries is gone.
        return site && tenant ? [{ labels: { tenant, site }, connected: linkId != null, buffer: bufferOf.get(edgeSiteId) }] : [];
      });
    });
  }
}

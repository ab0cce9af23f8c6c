import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../../lab/until.js';
import { withDeployment } from './laboratory.js';

const canary = (directory: string) => join(directory, 'canary');

/** What people may call a site, with the slug where none can be made of it. */
const names = (file: string): [name: string, slug: string][] => [
  ['a"b', 'quote'],
  [`$(touch ${file})`, 'substitution'],
  [`\`touch ${file}\``, 'backticks'],
  [`'; touch ${file}; '`, 'apostrophe'],
  [`"; touch ${file}; "`, 'quotes'],
  ['%n %i $HOME ${HOME} \\n', 'specifiers'],
  ['# } http: 0.0.0.0:8222 {{.}} <b>&amp;', 'markup'],
  ['🌱'.repeat(200), 'emoji'],
];

describe('a site with a name that looks like code', () => {
  const lab = withDeployment((deployment) => deployment.tenant('Acme'), { hub: 'local' });

  it.each(names('canary').map(([name, slug], index) => [slug, name, index] as const))(
    'is a site like any other: %s',
    async (slug, _name, index) =>
      lab(async ({ deployment, arranged: tenant }) => {
        const [name] = names(canary(deployment.directory))[index]!;
        const site = await tenant.createSite(name, { slug });
        expect((await site.get()).name).toBe(name);
        await site.provisioned();

        const bundle = await site.download();
        const said = await site.leaf.install(bundle);
        expect(said).toContain(`The NATS leaf of ${name} runs and is connected`);
        await site.connected();

        const varz = await site.leaf.monitor<{ server_name: string; host: string; http_host: string; port: number }>('/varz');
        expect(varz).toMatchObject({ server_name: `nats-${slug}`, host: '127.0.0.1', http_host: '127.0.0.1', port: site.leaf.port });

        // Its control link may come a moment later.
        await until('all is well', async () => {
          const { code, output } = await site.leaf.setup(bundle, '--check');
          if (code !== 0) throw new Error(output);
          return true;
        });
        expect((await site.leaf.uninstall()).output).toContain(`The NATS leaf of ${name} was removed.`);

        expect(existsSync(canary(deployment.directory))).toBe(false);
        expect(readdirSync('.')).not.toContain('canary');
        expect(readdirSync(bundle)).not.toContain('canary');
      })(),
  );
});

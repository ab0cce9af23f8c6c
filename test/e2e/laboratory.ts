import { Deployment, type DeploymentOptions } from '../../lab/deployment.js';
import { NATS_SERVERS } from '../../lab/nats-versions.js';

/**
 * Gives a suite a deployment of its own, started before its tests and ended after them.
 *
 * @param arrange what all of its tests need
 * @returns a test's body is wrapped in it, so that the servers' logs are shown when it fails
 */
export function withDeployment<T>(
  arrange: (deployment: Deployment) => Promise<T>,
  options: Partial<DeploymentOptions> = {},
): (test: (lab: Lab<T>) => Promise<void>) => () => Promise<void> {
  let deployment: Deployment | undefined;
  let lab: Lab<T>;

  const shown = async (work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      console.error(deployment?.logs());
      throw error;
    }
  };

  beforeAll(() =>
    shown(async () => {
      deployment = new Deployment({ natsServer: NATS_SERVERS.latest, ...options });
      await deployment.start();
      lab = { deployment, arranged: await arrange(deployment) };
    }),
  );
  afterAll(() => deployment?.stop());

  return (test) => () => shown(() => test(lab));
}

export interface Lab<T> {
  deployment: Deployment;
  arranged: T;
}

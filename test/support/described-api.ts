import { type Answer, Api } from '../../lab/api.js';
import { type Operation, readOpenApi } from './openapi.js';

const operations = Object.entries(readOpenApi().paths).map(([path, methods]) => ({
  pattern: new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`),
  methods,
}));

/** The API, held to openapi.yaml: whatever an operation answers with stands there. */
export class DescribedApi extends Api {
  override as(credentials: Api['credentials']): DescribedApi {
    return new DescribedApi(this.url, credentials);
  }

  /** @throws Error when the status is none that the operation is described with */
  override async call<T>(...[method, path, options]: Parameters<Api['call']>): Promise<Answer<T>> {
    const answer = await super.call<T>(method, path, options);
    const operation = operationOf(method, path);
    if (operation !== undefined && !(answer.status in operation.responses)) {
      throw new Error(`${operation.operationId} answered ${answer.status}, which openapi.yaml does not say: ${JSON.stringify(answer.body)}`);
    }
    return answer;
  }
}

/** @returns undefined for what is no operation */
function operationOf(method: string, path: string): Operation | undefined {
  const [pathname] = `/api${path}`.split('?');
  return operations.find(({ pattern }) => pattern.test(pathname!))?.methods[method.toLowerCase()];
}

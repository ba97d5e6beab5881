/** URLs and tokens of one k6 run, for clients and for requests, at each node. */
import { clientUrl, signClientToken, signServerToken } from '../../gateway/tokens/sign.ts';
import type { Target } from './plan.ts';

const hub = 'bench';
const apiVersion = '2024-12-01';
const roles = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'];

export class K6Keys {
  readonly #accessKey: string;
  readonly #endpoints: readonly string[];

  constructor(accessKey: string, endpoints: readonly string[]) {
    this.#accessKey = accessKey;
    this.#endpoints = endpoints;
  }

  /** URL of a client at node `node` modulo their number. */
  socket(node: number, userId: string, groups: readonly string[]): string {
    const endpoint = this.#endpoint(node);
    const accessKey = this.#accessKey;
    const token = signClientToken({ accessKey, endpoint, hub, userId, roles, groups });
    return clientUrl(endpoint, hub, token);
  }

  /** The same at every node, from `node` on. */
  sockets(node: number, userId: string, groups: readonly string[]): readonly string[] {
    return this.#endpoints.map((_, index) => this.socket(node + index, userId, groups));
  }

  /** Requests that send to a destination (`users/anna`), at every node from `node` on. */
  sends(node: number, destination: string): Required<Pick<Target, 'sends'>> {
    const accessKey = this.#accessKey;
    const sends = this.#endpoints.map((_, index) => {
      const path = `/api/hubs/${hub}/${destination}/:send?api-version=${apiVersion}`;
      const url = `${this.#endpoint(node + index)}${path}`;
      return { url, authorization: `Bearer ${signServerToken({ accessKey, url })}` };
    });
    return { sends };
  }

  #endpoint(node: number): string {
    return this.#endpoints[node % this.#endpoints.length] ?? '';
  }
}

/**
 * What other nodes ask of this one about connections: done here, or sent on where the connection is
 * served now. Who asks may not have heard that it changed its node.
 */
import type { HubTable } from '../hub-table.ts';
import type { Directory } from '../ports.ts';
import { executeDirectoryCall, type DirectoryCall } from './directory-calls.ts';
import type { MovedConnections } from './moved-connections.ts';

export interface LocalCallsOptions {
  readonly nodeId: string;
  readonly local: Directory;
  readonly hubs: Pick<HubTable, 'connection'>;
  readonly moved: Pick<MovedConnections, 'nodeOf'>;
  readonly call: (nodeId: string, call: string, args: readonly unknown[]) => Promise<unknown>;
  /** Resolves when it is known which node serves the connection; undefined: it is. */
  readonly settled: (connectionId: string) => Promise<void> | undefined;
}

/** Their first arguments are a hub and a connection's id. */
const ofConnection: ReadonlySet<string> = new Set<DirectoryCall>([
  'connectionExists',
  'closeConnection',
  'addConnectionToGroup',
  'removeConnectionFromGroup',
  'removeConnectionFromAllGroups',
  'grantPermission',
  'revokePermission',
  'hasPermission',
]);

export class LocalCalls {
  readonly #options: LocalCallsOptions;

  constructor(options: LocalCallsOptions) {
    this.#options = options;
  }

  /** @throws GatewayError: what the call fails with, or the node to which it was sent on. */
  async execute(call: string, args: readonly unknown[]): Promise<unknown> {
    if (ofConnection.has(call)) await this.#options.settled(String(args[1]));
    const nodeId = this.#servingNode(call, args);
    if (nodeId !== undefined) return this.#options.call(nodeId, call, args);
    return executeDirectoryCall(this.#options.local, call, args);
  }

  /** undefined: this one, or nobody knows. A later node never points back to an earlier one. */
  #servingNode(call: string, [hub, id]: readonly unknown[]): string | undefined {
    const { hubs, moved, nodeId: ownId } = this.#options;
    if (!ofConnection.has(call) || typeof hub !== 'string' || typeof id !== 'string') {
      return undefined;
    }
    if (hubs.connection(hub, id) !== undefined) return undefined;
    const nodeId = moved.nodeOf(id);
    return nodeId === ownId ? undefined : nodeId;
  }
}

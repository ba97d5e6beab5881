/** What joins a node to the others: the bus, the directory of all nodes, and who serves whom. */
import type { Backplane } from '../backplanes/backplane.ts';
import type { Clock } from './clock.ts';
import type { Limits } from './limits.ts';
import { BusCalls, largestCall } from './router/bus/bus-calls.ts';
import { ClusterDirectory } from './router/bus/cluster-directory.ts';
import { LocalCalls } from './router/bus/local-calls.ts';
import { MovedConnections } from './router/bus/moved-connections.ts';
import { NodeBus } from './router/bus/node-bus.ts';
import { LocalDirectory } from './router/local-directory.ts';
import { NodePresence } from './router/presence/node-presence.ts';
import { PresenceBus } from './router/presence/presence-bus.ts';
import type { Router } from './router/router.ts';
import { TakeOvers } from './session/reliable/take-over/take-overs.ts';

export interface ClusterOptions {
  readonly nodeId: string;
  readonly backplane: Backplane;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly router: Router;
  /** Executes calls about connections that change their node. */
  readonly takeOver: (call: string, args: readonly unknown[]) => Promise<unknown>;
  /** Resolves when it is known which node serves a connection; undefined: it is. */
  readonly settled: (connectionId: string) => Promise<void> | undefined;
  readonly onError: (error: unknown) => void;
}

export class Cluster {
  readonly bus: NodeBus;
  readonly moved = new MovedConnections();
  readonly calls: BusCalls;
  readonly directory: ClusterDirectory;
  readonly presence: NodePresence;

  constructor(options: ClusterOptions) {
    const { backplane, limits, nodeId, router, takeOver } = options;
    const { moved } = this;
    const local = new LocalCalls({
      nodeId,
      local: new LocalDirectory({
        hubs: router.hubs,
        members: router.members,
        attendanceBounds: {
          membersMax: limits.presenceMembersMax,
          bytesMax: largestCall(backplane.traits),
        },
        filterBounds: { lengthMax: limits.filterLengthMax, depthMax: limits.filterDepthMax },
      }),
      hubs: router.hubs,
      moved,
      call: (to, call, args) => this.bus.call(to, call, args),
      settled: options.settled,
    });
    this.bus = new NodeBus({
      nodeId,
      backplane,
      clock: options.clock,
      heartbeatMs: limits.heartbeatMs,
      suspectAfterMs: limits.suspectAfterMs,
      deadAfterMs: limits.deadAfterMs,
      answerTimeoutMs: limits.nodeAnswerTimeoutMs,
      execute: (call, args) =>
        TakeOvers.executes(call) ? takeOver(call, args) : local.execute(call, args),
      onTold: (from, call, args) => this.presence.receive(from, call, args),
      onRound: () => this.presence.round(),
      onError: options.onError,
    });
    const { traits } = backplane;
    this.calls = new BusCalls({ nodeId, bus: () => this.bus, moved, traits });
    this.directory = new ClusterDirectory(this.bus, moved, limits.presenceMembersMax);
    this.presence = new NodePresence({
      nodeId,
      hubs: router.hubs,
      clock: options.clock,
      limits,
      bus: new PresenceBus(() => this.bus),
      bytesMax: this.calls.bytesMax,
    });
  }
}

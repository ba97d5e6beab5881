/** The way of a publication through one node, from publish to the sockets, without a network. */
import { MemoryBroker, MemoryBackplane } from '../../../backplanes/memory/memory-backplane.ts';
import { MemoryStreamStore } from '../../../backplanes/memory/memory-stream-store.ts';
import { systemClock } from '../../../gateway/clock.ts';
import { defaultLimits } from '../../../gateway/limits.ts';
import { createCodecs } from '../../../gateway/protocol/codecs.ts';
import { PermissionsTable } from '../../../gateway/protocol/roles.ts';
import { DestinationRules } from '../../../gateway/router/destination-rules.ts';
import type { SubscriberOwner } from '../../../gateway/router/ports.ts';
import { Router } from '../../../gateway/router/router.ts';
import type { Socket } from '../../../gateway/transport/transport.ts';
import type { Piece } from './timing.ts';

const hub = 'bench';
const membersPerGroup = 10;
/** Publications that arrive in one turn of the event loop. */
const perTurn = 4;

/** The pieces, and what ends the node. */
export interface NodePieces {
  readonly pieces: readonly Piece[];
  close(): Promise<void>;
}

/** Publications to a live group and to a stream, their members in both JSON subprotocols. */
export async function nodePieces(payloadBytes: number): Promise<NodePieces> {
  const broker = new MemoryBroker();
  const router = new Router({
    nodeId: 'bench-node',
    backplane: new MemoryBackplane(broker),
    store: new MemoryStreamStore(broker.streams),
    clock: systemClock,
    limits: defaultLimits,
    rules: new DestinationRules({
      hubs: {
        [hub]: {
          anonymous: false,
          streams: [{ match: 'group:stream*', retention: 'bench' }],
          slowConsumers: [],
        },
      },
      retention: { bench: { messages: 10_000, seconds: 600, bytes: 64 * 1024 * 1024 } },
    }),
    onError: (error) => {
      throw error;
    },
  });
  await router.start();
  const pieces: Piece[] = [];
  for (const subprotocol of ['json.webpubsub.azure.v1', 'trunkline.v1.json']) {
    for (const kind of ['live', 'stream']) {
      const group = `${kind}-${subprotocol.slice(0, 4)}`;
      await addMembers(router, group, subprotocol);
      const name = `${subprotocol}, ${kind}: publish to ${String(membersPerGroup)} members`;
      pieces.push(publishing(router, { name, group, payloadBytes }));
    }
  }
  return { pieces, close: () => router.close() };
}

async function addMembers(router: Router, group: string, subprotocol: string): Promise<void> {
  const selected = createCodecs(defaultLimits).selectSubprotocol([subprotocol]);
  if (selected === undefined) throw new Error(`the gateway does not speak ${subprotocol}`);
  for (let index = 0; index < membersPerGroup; index++) {
    const subscriber = router.members.attach({
      hub,
      connectionId: `${group}-${String(index)}`,
      userId: undefined,
      codec: selected.codec,
      socket: new SilentSocket(),
      owner: nobody,
    });
    await router.members.join(subscriber, group);
  }
}

function publishing(
  router: Router,
  { name, group, payloadBytes }: { name: string; group: string; payloadBytes: number },
): Piece {
  const data = Buffer.from(JSON.stringify('x'.repeat(payloadBytes)));
  const publication = {
    hub,
    to: { kind: 'group', name: group },
    payload: { dataType: 'json', bytes: data },
    sender: { connectionId: 'bench-node.publisher', userId: 'publisher' },
  } as const;
  return {
    name,
    run: async (count) => {
      for (let done = 0; done < count; done += perTurn) {
        const published = Array.from({ length: perTurn }, () => router.publish(publication));
        await Promise.all(published);
        // The fan-out writes when the turn ends.
        await new Promise<void>((resolve) => {
          setImmediate(resolve);
        });
      }
    },
  };
}

/** Takes everything at once. */
class SilentSocket implements Socket {
  readonly isOpen = true;

  send(): 'sent' {
    return 'sent';
  }

  write(): number {
    return 0;
  }

  bufferedBytes(): number {
    return 0;
  }

  end(): void {
    // There is nobody at the other end.
  }

  cut(): void {
    // There is nobody at the other end.
  }
}

const nobody: SubscriberOwner = {
  permissions: new PermissionsTable({ nameLengthMax: 1, entriesMax: 1 }).permissionsFromRoles([]),
  close: () => undefined,
  onGoAway: () => true,
  depart: () => undefined,
  onGap: () => undefined,
  onBookmark: () => undefined,
};

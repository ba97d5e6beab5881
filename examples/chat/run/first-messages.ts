/** What was said before anybody looks: people of the example say it, each with a client of their own. */
import { WebSocket } from 'ws';
import { directConversation, type ChatSchema, type Place } from '../shared/schema.ts';
import { createClient } from '../../../client-sdk/src/index.ts';
import type { GatewayApi } from '../server/gateway-api.ts';
import type { ReadMarks } from '../server/read-marks.ts';

export interface FirstMessagesOptions {
  readonly gateway: GatewayApi;
  readonly clientUrl: string;
  readonly marks: ReadMarks;
}

type Line = readonly [from: string, text: string];

interface Script {
  readonly name: `room.${string}` | `private.${string}` | `dm.${string}`;
  readonly lines: readonly Line[];
  /** Who has read all of it; the others have read none. */
  readonly readBy: readonly string[];
}

const crane: readonly Line[] = [
  ['ben', 'Crane 3 is back. New brake pads, ninety minutes, no blood.'],
  ['anna', 'Wonderful. Who takes the first lift?'],
  ['farid', 'Night shift did, quietly. 41 boxes since four.'],
  ['eva', 'Then Meridian can stay on berth 7 until noon.'],
  ['carla', 'Swell is dropping, I can bring the next one in at eleven.'],
  ['dan', 'Papers for Meridian are complete. Somebody owes me a coffee.'],
];

/** A morning's radio log, so that there is something to scroll back to. */
const earlier: readonly Line[] = Array.from({ length: 66 }, (_, index) => {
  const from = ['eva', 'ben', 'carla', 'farid', 'dan'][index % 5] ?? 'eva';
  const texts = [
    `Berth ${(index % 9) + 1} is clear.`,
    `${20 + ((index * 7) % 23)} boxes moved, none dropped.`,
    `Wind ${6 + (index % 9)} knots, nothing to write home about.`,
    'Copy that.',
    `Gate ${(index % 4) + 1}: queue is gone.`,
  ];
  return [from, texts[(index * 3) % 5] ?? 'Copy that.'];
});

const scripts: readonly Script[] = [
  {
    name: 'room.harbour',
    lines: [...earlier, ...crane],
    readBy: ['dan', 'farid'],
  },
  {
    name: 'room.berths',
    lines: [
      ['eva', 'Tomorrow: Meridian on 7, Kestrel on 2, Aurora waits outside.'],
      ['anna', 'Aurora has frozen fish. Please let her not wait long.'],
      ['eva', 'Moved her to 4. The fish will be pleased.'],
    ],
    readBy: ['anna', 'eva'],
  },
  {
    name: 'private.watch',
    lines: [['farid', 'Quiet night. Logbook is on the desk.']],
    readBy: ['anna', 'ben', 'farid'],
  },
  {
    name: directConversation('anna', 'ben'),
    lines: [
      ['anna', 'Morning! Could you look at crane 3 before the shift change?'],
      ['ben', 'On my way up. The view is lovely, the ladder is not.'],
      ['anna', 'Take your time.'],
      ['ben', 'Done. I left the report on your desk.'],
    ],
    readBy: ['ben'],
  },
  {
    name: directConversation('anna', 'carla'),
    lines: [
      ['carla', 'Pilot boat is fuelled. Call when you need me.'],
      ['anna', 'Eleven sharp, please.'],
    ],
    readBy: ['anna', 'carla'],
  },
  {
    name: directConversation('ben', 'carla'),
    lines: [['carla', 'Are you coming to the harbour fair on Saturday?']],
    readBy: ['carla'],
  },
];

/** Resolves when all of it is in the streams. */
export async function sayFirstMessages(options: FirstMessagesOptions): Promise<void> {
  const { gateway, marks } = options;
  const clients = new Map<string, ReturnType<typeof createClient<ChatSchema>>>();
  try {
    for (const { lines, name, readBy } of scripts) {
      let end: Place | undefined;
      for (const [from, text] of lines) {
        const client = clients.get(from) ?? clientOf(from, options);
        clients.set(from, client);
        const { position } = await client.group(name).publish({ text });
        end = position ?? end;
      }
      for (const person of readBy) marks.advance(name, person, { read: end });
    }
  } finally {
    for (const client of clients.values()) client.close();
  }
  await gateway.notify(['anna', 'carla', 'eva'], {
    title: 'Fog until ten',
    body: 'Visibility below 500 m in the outer harbour. Pilots on request only.',
    severity: 'warning',
    topic: 'weather',
  });
  await gateway.notifyAll({
    title: 'Welcome to Harbour Chat',
    body: 'Three gateways serve it. The bar on top shows which one serves this tab.',
    severity: 'success',
  });
}

function clientOf(person: string, { clientUrl, gateway }: FirstMessagesOptions) {
  const roles = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'];
  return createClient<ChatSchema>({
    url: clientUrl,
    getToken: () => gateway.clientToken(person, roles),
    WebSocket,
  });
}

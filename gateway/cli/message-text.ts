/** Shows a message frame of the JSON subprotocol as one line. */
import { z } from 'zod';

const frameSchema = z.object({
  type: z.string(),
  event: z.string().optional(),
  connectionId: z.string().optional(),
  from: z.string().optional(),
  group: z.string().optional(),
  fromUserId: z.string().nullish(),
  dataType: z.string().optional(),
  data: z.unknown().optional(),
});

export type ShownFrame = z.infer<typeof frameSchema>;

/** The frame's members; of type `unknown` when it is none of the subprotocol. */
export function parseFrame(text: string): ShownFrame {
  try {
    return frameSchema.parse(JSON.parse(text));
  } catch {
    return { type: 'unknown', data: text };
  }
}

/** `group news, user anna: Hello`; nothing in it can end the line or steer a terminal. */
export function formatMessage(frame: ShownFrame): string {
  const user = typeof frame.fromUserId === 'string' ? `, user ${frame.fromUserId}` : '';
  const origin = frame.from === 'group' ? `group ${frame.group ?? ''}${user}` : 'server';
  const data = typeof frame.data === 'string' && frame.dataType !== 'json';
  const content = data ? String(frame.data) : (JSON.stringify(frame.data) ?? '');
  return `${origin}: ${content}`.replaceAll(/[\p{Cc}\u2028\u2029]/gu, escapeControl);
}

function escapeControl(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

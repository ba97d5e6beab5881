/** Small parts that several views have. */
import type { Person } from '../../shared/schema.ts';
import { h, icon, type Attributes, type Child } from '../dom.ts';
import { icons } from './icons.ts';

const hues = 6;

/** A person's initials on a colour of their own. `isOnline` undefined: no dot. */
export function avatar({ id, name }: Person, isOnline?: boolean): HTMLElement {
  const initials = name
    .split(' ')
    .map((word) => word[0] ?? '')
    .join('')
    .slice(0, 2);
  const hue = new TextEncoder().encode(id).reduce((sum, byte) => sum + byte, 0) % hues;
  return h(
    'span',
    { class: `avatar hue-${hue}` },
    h('span', { 'aria-hidden': 'true' }, initials),
    isOnline !== undefined && presenceDot(isOnline),
  );
}

function presenceDot(isOnline: boolean): HTMLElement {
  const words = isOnline ? 'online' : 'offline';
  return h('span', { class: `dot ${words}`, role: 'img', 'aria-label': words });
}

/** A button of an icon and a name that only some see. */
export function iconButton(
  name: string,
  shape: keyof typeof icons,
  attributes: Attributes,
  ...children: Child[]
): HTMLElement {
  return h(
    'button',
    { type: 'button', class: 'icon-button', 'aria-label': name, title: name, ...attributes },
    icon(icons[shape]),
    ...children,
  );
}

/** How many are unread; nothing for none. */
export function badge(count: number, hasMore = false): HTMLElement | undefined {
  if (count === 0) return undefined;
  const shown = count > 99 || hasMore ? `${Math.min(count, 99)}+` : String(count);
  return h('span', { class: 'badge' }, shown, h('span', { class: 'unseen' }, ' unread'));
}

const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });

export function timeOf(ms: number): HTMLElement {
  return h('time', { datetime: new Date(ms).toISOString() }, time.format(ms));
}

/** The day in words, the same for all messages of a day. */
export function dayOf(ms: number): string {
  const words = day.format(ms);
  return words === day.format(Date.now()) ? 'Today' : words;
}

export function isSameDay(oneMs: number, otherMs: number): boolean {
  return new Date(oneMs).toDateString() === new Date(otherMs).toDateString();
}

/** `Anna`, `Anna and Ben`, `Anna, Ben and 2 others`. */
export function namesOf(people: readonly Person[]): string {
  const names = people.map(({ name }) => firstName(name));
  if (names.length <= 2) return names.join(' and ');
  if (names.length === 3) return `${names[0] ?? ''}, ${names[1] ?? ''} and ${names[2] ?? ''}`;
  return `${names[0] ?? ''}, ${names[1] ?? ''} and ${names.length - 2} others`;
}

export function firstName(name: string): string {
  return name.split(' ')[0] ?? name;
}

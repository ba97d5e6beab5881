/** The page of who is signed in: the bar on top, and the regions below it. */
import type { Chat } from '../chat.ts';
import { h, icon } from '../dom.ts';
import type { Ui } from '../ui.ts';
import { centre, toasts } from './centre.ts';
import { dialog } from './dialogs.ts';
import { icons } from './icons.ts';
import { avatar, badge, iconButton } from './parts.ts';
import { sidebar } from './sidebar.ts';
import { thread } from './thread.ts';

export function shell(chat: Chat, ui: Ui): HTMLElement {
  const isThread = ui.open !== undefined;
  return h(
    'div',
    {},
    h('a', { class: 'skip', href: '#thread', 'data-action': 'skip' }, 'Skip to the conversation'),
    h(
      'div',
      { class: `shell${isThread ? ' shows-thread' : ''}`, 'data-key': 'shell' },
      topBar(chat, ui),
      sidebar(chat, ui),
      thread(chat, ui),
      centre(chat, ui),
    ),
    toasts(ui),
    h('p', { class: 'unseen', role: 'status', 'data-key': 'announcer' }, ui.announcement),
    dialog(chat, ui),
  );
}

function topBar(chat: Chat, ui: Ui): HTMLElement {
  const unread = chat.notices.unread.length;
  return h(
    'header',
    { class: 'top-bar', 'data-key': 'top-bar' },
    h('span', { class: 'brand' }, icon(icons.anchor), h('span', {}, 'Harbour Chat')),
    nodeChip(chat),
    iconButton(
      `Notifications, ${unread} unread`,
      'bell',
      {
        'data-action': 'toggle-centre',
        'data-key': 'bell',
        'aria-expanded': String(ui.isCentreOpen),
      },
      unread > 0 && h('span', { class: 'corner', 'aria-hidden': 'true' }, badge(unread)),
    ),
    h(
      'span',
      { class: 'me', title: chat.me.name },
      avatar(chat.me),
      h('span', { class: 'name' }, chat.me.name),
    ),
    iconButton('Sign out', 'door', { 'data-action': 'sign-out' }),
  );
}

/** Which node of the cluster serves this tab. */
function nodeChip(chat: Chat): HTMLElement {
  const { node } = chat;
  if (node === undefined) {
    return h(
      'button',
      { type: 'button', class: 'node-chip is-lost', 'data-action': 'reconnect', title: 'Try now' },
      h('span', { class: 'node-words', role: 'status' }, 'Reconnecting …'),
    );
  }
  return h(
    'span',
    { class: 'node-chip', title: `This tab is served by node ${node}`, 'data-node': node },
    h('span', { class: 'node-words', role: 'status' }, `Node ${node}`),
  );
}

/** The notification centre, and the toasts of notifications that have just come. */
import type { Topic } from '../../shared/schema.ts';
import type { Chat } from '../chat.ts';
import { h, icon } from '../dom.ts';
import type { PostedNotice } from '../model/notice-board.ts';
import type { Toast, Ui } from '../ui.ts';
import { icons } from './icons.ts';
import { iconButton, timeOf } from './parts.ts';

export function centre(chat: Chat, ui: Ui): HTMLElement | undefined {
  if (!ui.isCentreOpen) return undefined;
  const { notices, unread } = chat.notices;
  return h(
    'aside',
    {
      class: 'centre',
      'data-key': 'centre',
      id: 'centre',
      role: 'dialog',
      'aria-labelledby': 'centre-title',
    },
    h(
      'header',
      {},
      h('h2', { id: 'centre-title', tabindex: '-1' }, 'Notifications'),
      h(
        'button',
        {
          type: 'button',
          class: 'link',
          'data-action': 'read-all',
          'aria-disabled': unread.length === 0 && 'true',
        },
        'Mark all as read',
      ),
      iconButton('Close notifications', 'close', { 'data-action': 'toggle-centre' }),
    ),
    notices.length === 0
      ? h('p', { class: 'hint' }, 'Nothing yet. Subscribe to a topic below.')
      : h('ul', { class: 'notices', role: 'list' }, ...notices.map((notice) => item(chat, notice))),
    h(
      'section',
      { class: 'topics', 'aria-labelledby': 'topics-title' },
      h('h3', { id: 'topics-title' }, 'Topics'),
      h('ul', { role: 'list' }, ...chat.state.topics.map(topicRow)),
      h(
        'button',
        { type: 'button', class: 'button', 'data-action': 'open-dialog', 'data-dialog': 'notify' },
        icon(icons.megaphone),
        'Send a notification',
      ),
    ),
  );
}

function item(chat: Chat, notice: PostedNotice): HTMLElement {
  const { body, id, isRead, severity, timeMs, title, topic } = notice;
  const topicName = chat.state.topics.find((each) => each.id === topic)?.name;
  return h(
    'li',
    { class: `notice is-${severity}${isRead ? '' : ' is-unread'}`, 'data-key': id },
    severityMark(severity),
    h(
      'div',
      { class: 'content' },
      h('p', { class: 'title' }, title),
      body !== '' && h('p', { class: 'body' }, body),
      h('p', { class: 'subtle' }, topicName === undefined ? '' : `${topicName} · `, timeOf(timeMs)),
    ),
    !isRead &&
      iconButton(`Mark as read: ${title}`, 'check', { 'data-action': 'read', 'data-notice': id }),
  );
}

function severityMark(severity: PostedNotice['severity']): HTMLElement {
  return h(
    'span',
    { class: `severity is-${severity}`, role: 'img', 'aria-label': severity },
    icon(icons[severity]),
  );
}

function topicRow({ id, isSubscribed, name, purpose }: Topic): HTMLElement {
  return h(
    'li',
    { 'data-key': id },
    h(
      'span',
      { class: 'who' },
      h('span', { class: 'name', id: `topic-${id}` }, name),
      h('span', { class: 'subtle' }, purpose),
    ),
    h(
      'button',
      {
        type: 'button',
        class: 'switch',
        role: 'switch',
        'aria-checked': String(isSubscribed),
        'aria-labelledby': `topic-${id}`,
        'data-action': 'subscribe',
        'data-topic': id,
        'data-wanted': String(!isSubscribed),
      },
      h('span', { class: 'thumb' }),
    ),
  );
}

/** The region stays on the page, so that what is put into it is read out. */
export function toasts(ui: Ui): HTMLElement {
  return h(
    'div',
    { class: 'toasts', role: 'region', 'aria-label': 'New notifications', 'data-key': 'toasts' },
    ...ui.toasts.map(toastView),
  );
}

function toastView({ body, conversation, key, severity, title }: Toast): HTMLElement {
  return h(
    'div',
    {
      class: `toast is-${severity}`,
      'data-key': key,
      role: severity === 'error' ? 'alert' : 'status',
    },
    severityMark(severity),
    h(
      'div',
      { class: 'content' },
      h('p', { class: 'title' }, title),
      body !== '' && h('p', { class: 'body' }, body),
      conversation !== undefined &&
        h(
          'button',
          {
            type: 'button',
            class: 'link',
            'data-action': 'open',
            'data-conversation': conversation,
          },
          'Open',
        ),
    ),
    iconButton('Dismiss', 'close', { 'data-action': 'dismiss', 'data-toast': key }),
  );
}

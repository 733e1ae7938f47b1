import { act, render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import React from 'react';
import { Subject } from 'rxjs';

import { type FeedSource, type FeedUpdate } from '../../feed';
import { detail, event, events, historyOf, settled, START } from '../../state/fixtures';
import { testIds } from '../../testIds';
import { EventStream } from './EventStream';

function feed(past = events(1, 3)) {
  const updates = new Subject<FeedUpdate>();
  const subscribe = jest.fn<ReturnType<FeedSource['subscribe']>, Parameters<FeedSource['subscribe']>>(() => updates);
  const source: FeedSource = {
    subscribe,
    history: historyOf(past),
    event: (seq) => Promise.resolve(detail(event(seq), { data: { hello: 'world' } })),
  };
  return { updates, subscribe, source };
}

async function show(source: FeedSource, more: Partial<React.ComponentProps<typeof EventStream>> = {}) {
  const given = {
    source,
    outer: {},
    window: { from: START },
    range: { from: 'now-1h', to: 'now' },
    capacity: 1000,
    density: 'comfortable' as const,
    showToolbar: true,
    tempoUid: 'fleetscope-tempo',
    timeZone: 'utc',
    onDensity: jest.fn(),
    ...more,
  };
  const shown = render(<EventStream {...given} />);
  await act(settled);
  return { ...shown, given };
}

// Drawing all of it takes seconds on a busy machine.
jest.setTimeout(30_000);

// jsdom lays nothing out: without a height nothing would be in view.
beforeAll(() => {
  const observe = { observe: jest.fn(), unobserve: jest.fn(), disconnect: jest.fn() };
  Object.assign(window, { IntersectionObserver: jest.fn(() => observe), ResizeObserver: jest.fn(() => observe) });
  for (const [name, value] of [
    ['clientHeight', 600],
    ['clientWidth', 800],
    ['offsetHeight', 600],
    ['offsetWidth', 800],
  ]) {
    Object.defineProperty(HTMLElement.prototype, name, { configurable: true, value });
  }
});

describe('EventStream', () => {
  it('shows events in a feed of articles', async () => {
    const { source } = feed();
    await show(source);
    const articles = within(screen.getByRole('feed')).getAllByRole('article');
    expect(articles.map((article) => article.getAttribute('aria-posinset'))).toEqual(['1', '2', '3']);
    expect(articles[0]).toHaveAccessibleName('Info, 09:12:33.010, agent.response.completed. answer 1');
    expect(articles[0]).toHaveTextContent('Publisher: ray-executor (guessed)');
    expect(articles[0]).toHaveTextContent('✅ Processed in 15 ms');
  });

  it('subscribes once with what dashboard and user ask for, and leaves nothing behind', async () => {
    const { source, subscribe, updates } = feed();
    const { unmount } = await show(source, { outer: { role: 'DEV' } });
    await userEvent.type(screen.getByTestId(testIds.search), 'story:US-1{Enter}');
    await act(settled);
    expect(subscribe.mock.calls.map(([asked]) => asked.filter)).toEqual([
      { role: 'DEV' },
      { role: 'DEV', story: 'US-1' },
    ]);
    unmount();
    expect(updates.observed).toBe(false);
  });

  it('does not begin anew when a refresh says the same in new objects', async () => {
    const { source, subscribe } = feed();
    const { rerender, given } = await show(source, { outer: { role: 'DEV' } });
    rerender(<EventStream {...given} outer={{ role: 'DEV' }} window={{ from: START }} />);
    await act(settled);
    expect(subscribe).toHaveBeenCalledTimes(1);
  });

  it('opens the payload of an event', async () => {
    const { source } = feed();
    await show(source);
    await userEvent.click(screen.getAllByRole('article')[1]);
    await act(settled);
    expect(await screen.findByTestId(testIds.drawer)).toBeInTheDocument();
    expect(await screen.findByText('"world"')).toBeInTheDocument();
    expect(screen.getByTestId(testIds.trace)).toHaveAttribute('href', expect.stringContaining('fleetscope-tempo'));
  });

  it('has no toolbar where none is wanted', async () => {
    const { source } = feed([]);
    await show(source, { showToolbar: false });
    expect(screen.queryByRole('toolbar')).not.toBeInTheDocument();
    expect(screen.getByTestId(testIds.empty)).toHaveTextContent('No event matches yet.');
  });
});

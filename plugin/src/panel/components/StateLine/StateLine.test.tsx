import { render, screen } from '@testing-library/react';
import React from 'react';

import { initial, type Snapshot } from '../../state/snapshot';
import { StateLine } from './StateLine';

const show = (more: Partial<Snapshot>) =>
  render(<StateLine snapshot={{ ...initial([], { from: 0 }), loaded: true, ...more }} onOlder={jest.fn()} />);

describe('StateLine', () => {
  it.each<[Partial<Snapshot>, string]>([
    [{ state: 'live', transport: 'websocket' }, 'WebSocket'],
    [{ state: 'live', transport: 'stream' }, 'HTTP stream'],
    [{ state: 'live', transport: 'polling' }, 'Polling'],
    [{ state: 'live', paused: true }, 'Paused'],
    [{ state: 'reconnecting' }, 'Connection lost, trying again'],
    [{ state: 'connecting' }, 'Connecting'],
    [{ mode: 'range', state: 'live' }, 'Past time range'],
    [{ skew: 90_000 }, 'The server’s clock is 1.5 min ahead'],
    [{ skew: -3000 }, 'The server’s clock is 3.0 s behind'],
    [{ rate: 12 }, '12/s · Shown: 0'],
  ])('%j', (more, text) => {
    show(more);
    expect(screen.getByText(text)).toBeInTheDocument();
  });

  it('raises an alarm for what failed, and none for a notice', () => {
    show({ state: 'failed', detail: 'token \u001b refused' });
    expect(screen.getByRole('alert')).toHaveTextContent('token ‹U+001B› refused');
  });

  it('tells a notice of a feed that is live quietly', () => {
    show({ state: 'live', detail: 'no WebSocket opens' });
    expect(screen.getByText('no WebSocket opens')).toBeInTheDocument();
    expect(screen.queryByRole('alert')).not.toBeInTheDocument();
  });

  it('says nothing of clocks that agree', () => {
    show({ skew: 1500 });
    expect(screen.queryByText(/clock/)).not.toBeInTheDocument();
  });
});

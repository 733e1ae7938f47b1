import { useState } from 'react';

import { type EventFilter } from '../../feed';
import { clean, type FilterKey, type FilterProblem, parse, textOf, without } from '../../state/filter';

/** What is typed, what it means, and what is wrong with it. What was asked for before stands until it is right. */
export function useSearch() {
  const [filter, setFilter] = useState<EventFilter>({});
  const [text, setText] = useState('');
  const [problem, setProblem] = useState<FilterProblem>();

  const set = (next: EventFilter) => {
    const wanted = clean(next);
    setProblem(undefined);
    setText(textOf(wanted));
    if (textOf(wanted) !== textOf(filter)) {
      setFilter(wanted);
    }
  };
  const search = (typed: string) => {
    const parsed = parse(typed);
    if ('problem' in parsed) {
      setProblem(parsed);
    } else {
      set(parsed.filter);
    }
  };

  return {
    filter,
    text,
    problem,
    type: (typed: string) => {
      setText(typed);
      // The cross of the field empties it: nothing more is to be said then.
      if (typed === '') {
        set({});
      }
    },
    search: () => search(text),
    add: (key: FilterKey, value: string) => set({ ...filter, [key]: value }),
    remove: (key: FilterKey, value: string) => set(without(filter, key, value)),
    toggleErrors: () => set({ ...filter, severity: filter.severity === 'error' ? '' : 'error' }),
  };
}

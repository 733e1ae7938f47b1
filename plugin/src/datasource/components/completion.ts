import { type ComboboxOption } from '@grafana/ui';
import { type EventFilter } from '../../feed/source';
import { type FleetVariableQuery, VARIABLE_KINDS } from '../types';

const SOURCES = ['NATS', 'Ray', 'vLLM', 'Neo4j', 'ValKey', 'K8s', 'GPU', 'Alert', 'Orchestrator', 'Fleet'];
const SEVERITIES = ['info', 'warning', 'error'];
/** More are of no help: what is typed narrows them down. */
const MAX_OPTIONS = 200;

interface Names {
  names(query: Pick<FleetVariableQuery, 'kind' | 'filter'>): Promise<string[]>;
}

/** What a field of the filter may be, given what is typed: variables first, then what the fleet has. */
export async function complete(
  source: Names,
  variables: string[],
  field: keyof EventFilter,
  typed: string
): Promise<Array<ComboboxOption<string>>> {
  const known = await valuesOf(source, field);
  const fitting = [...variables.map((name) => `$${name}`), ...known].filter((value) =>
    value.toLowerCase().includes(typed.trim().toLowerCase())
  );
  return fitting.slice(0, MAX_OPTIONS).map((value) => ({ value, label: value }));
}

async function valuesOf(source: Names, field: keyof EventFilter): Promise<string[]> {
  if (field === 'source') {
    return SOURCES;
  }
  if (field === 'severity') {
    return SEVERITIES;
  }
  const kind = VARIABLE_KINDS.find((one) => one === field);
  // Completion is a help: where the daemon does not answer, what is typed is taken as it is.
  return kind ? source.names({ kind }).catch(() => []) : [];
}

// The official KQL parser and binder as a service: one JSON line in, one JSON line out.
//
// The first line is the schema, {table: {column: type}}; each further line is a KQL text as a JSON string. The answer says
// what the parser has against the text, which tables it reads and how often, which of their columns it reads, and which
// columns it returns:
//   {"kind", "diagnostics": [{code, severity, message, start, length}], "tables": {T: n}, "columns": {T: [..]}, "output": [[name, type]]}
"use strict";

const fs = require("fs");
const path = require("path");
const readline = require("readline");
const vm = require("vm");

const PACKAGE = path.join(__dirname, "node_modules", "@kusto", "language-service-next");

// The two files are scripts for a page: they find each other by global names, which modules of node do not share.
for (const name of ["bridge.min.js", "Kusto.Language.Bridge.min.js"]) {
  vm.runInThisContext(fs.readFileSync(path.join(PACKAGE, name), "utf8"), { filename: name });
}

const { KustoCode, GlobalState, Symbols, Syntax } = Kusto.Language;
const list = (values) => (values ? Bridge.toArray(values) : []);

function schemaOf(columns) {
  return "(" + Object.entries(columns).map(([name, type]) => `['${name}']: ${type}`).join(", ") + ")";
}

class Referee {
  constructor(schema) {
    this.columns = new Map();
    this.tables = new Map();
    const tables = Object.entries(schema).map(([name, columns]) => {
      const table = new Symbols.TableSymbol.$ctor7(name, schemaOf(columns), null);
      list(table.Columns).forEach((column) => this.columns.set(column, [name, column.Name]));
      this.tables.set(table, name);
      return table;
    });
    const database = new Symbols.DatabaseSymbol.$ctor1("workspace", tables, false);
    this.globals = GlobalState.Default.WithDatabase(database);
  }

  judge(text) {
    const code = KustoCode.ParseAndAnalyze(text, this.globals);
    const seen = { tables: {}, columns: {} };
    Syntax.SyntaxElement.WalkNodes(code.Syntax, (node) => this.note(node.ReferencedSymbol, seen));
    const result = code.ResultType && code.ResultType.Columns ? list(code.ResultType.Columns) : [];
    result.forEach((column) => this.note(column, seen));
    return {
      kind: code.Kind,
      diagnostics: list(code.GetDiagnostics()).map(fault),
      tables: seen.tables,
      columns: Object.fromEntries(Object.entries(seen.columns).map(([table, names]) => [table, [...names].sort()])),
      output: result.map((column) => [column.Name, column.Type ? column.Type.Name : ""]),
    };
  }

  // A wildcard refers to a group, a column of a join or union to the columns it was made of.
  note(symbol, seen) {
    if (!symbol) return;
    if (this.tables.has(symbol)) {
      const name = this.tables.get(symbol);
      seen.tables[name] = (seen.tables[name] || 0) + 1;
    } else if (this.columns.has(symbol)) {
      const [table, column] = this.columns.get(symbol);
      (seen.columns[table] ||= new Set()).add(column);
    } else if (symbol instanceof Symbols.GroupSymbol) {
      list(symbol.Members).forEach((member) => this.note(member, seen));
    } else if (symbol instanceof Symbols.ColumnSymbol) {
      list(symbol.OriginalColumns).forEach((column) => this.note(column, seen));
    }
  }
}

function fault(diagnostic) {
  const { Code, Severity, Message, Start, Length } = diagnostic;
  return { code: Code, severity: Severity, message: Message, start: Start, length: Length };
}

let referee = null;
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const given = JSON.parse(line);
  let answer;
  try {
    answer = referee ? referee.judge(given) : ((referee = new Referee(given)), { ready: true });
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
});

#!/usr/bin/env python3
"""Reads tests/mutants/mutants.txt, the table of planted bugs; its head says how it is written.

  mutants.py files TABLE                  the sources that have mutants for the simulator
  mutants.py source TABLE ROOT FILE OUT   that source, with a choice at run time for each mutant
  mutants.py table TABLE OUT              the C++ table of all of them (tests/sim/mutants.h)
  mutants.py names TABLE FOLDER           those in this folder's sources
  mutants.py file TABLE NAME              where it is
  mutants.py find TABLE ROOT              whether each is still there, once, below ROOT
  mutants.py plant TABLE ROOT NAME        changes the source below ROOT in place
"""

import sys


class Mutant:
    def __init__(self, name):
        self.name = name
        self.file = ""
        self.seeds = []
        self.old = []
        self.new = []

    def for_simulator(self):
        return self.seeds != ["none"]

    def texts(self):
        return "\n".join(self.old), "\n".join(self.new)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def read_table(path):
    mutants = []
    for number, line in enumerate(read(path).split("\n"), 1):
        word, _, rest = line.partition(" ")
        if word == "mutant":
            mutants.append(Mutant(rest))
        elif word == "file":
            mutants[-1].file = rest
        elif word == "seeds":
            mutants[-1].seeds = rest.split()
        elif word == "-":
            mutants[-1].old.append(rest)
        elif word == "+":
            mutants[-1].new.append(rest)
        elif line and word != "#":
            sys.exit(f"{path}:{number}: cannot read {line!r}")
    names = [m.name for m in mutants]
    for m in mutants:
        if not (m.file and m.seeds and m.old) or names.count(m.name) != 1:
            sys.exit(f"{path}: {m.name} lacks something, or is there twice")
    return mutants


def closes_what_it_opens(text):
    """Without this a choice at run time splits a pair of brackets, which no compiler reads."""
    open_ones = []
    for letter in text:
        if letter in "([{":
            open_ones.append(")]}"["([{".index(letter)])
        elif letter in ")]}" and (not open_ones or open_ones.pop() != letter):
            return False
    return not open_ones


def what_is_wrong(mutant, text):
    old, new = mutant.texts()
    if mutant.for_simulator() and not (closes_what_it_opens(old) and closes_what_it_opens(new)):
        return f"{mutant.name}: a bracket of a pair is outside of what is changed: {old}"
    if text.count(old) == 1:
        return None
    return f"{mutant.name}: found {text.count(old)} times in {mutant.file}: {old}"


def find_once(mutant, text):
    if wrong := what_is_wrong(mutant, text):
        sys.exit(wrong)
    return mutant.texts()


def choice(number, old, new):
    """A statement, or several, becomes a statement; anything else an expression."""
    planted = f"::prytany::sim::mutant({number})"
    if old.rstrip().endswith((";", "}")):
        return f"if ({planted}) {{ {new} }} else {{ {old} }}"
    return f"({planted} ? ({new}) : ({old}))"


def source_with_choices(mutants, root, file):
    text = read(f"{root}/{file}")
    places = []
    for number, mutant in enumerate(mutants, 1):
        if mutant.file != file or not mutant.for_simulator():
            continue
        old, new = find_once(mutant, text)
        places.append((text.index(old), old, choice(number, old, new)))
    end = len(text)
    changed = ""
    for at, old, chosen in sorted(places, reverse=True):
        if at + len(old) > end:
            sys.exit(f"{file}: two mutants change {old!r}")
        changed = chosen + text[at + len(old) : end] + changed
        end = at
    declared = "namespace prytany::sim {\nbool mutant(unsigned number);\n}\n"
    return f'{declared}#line 1 "{file}"\n{text[:end]}{changed}'


def cpp_table(mutants):
    rows = ""
    for number, m in enumerate(mutants, 1):
        if m.for_simulator():
            rows += f'    {{{number}, "{m.name}", "{m.file}", "{" ".join(m.seeds)}"}},\n'
    return (
        '#include "tests/sim/mutants.h"\n\n'
        "namespace prytany::sim {\n\nnamespace {\n\n"
        "constexpr Mutant table[] = {\n" + rows + "};\nunsigned planted = 0;\n\n"
        "}  // namespace\n\n"
        "std::span<const Mutant> mutants() { return table; }\n"
        "void plant(const Mutant& mutant) { planted = mutant.number; }\n"
        "bool mutant(unsigned number) { return number == planted; }\n\n"
        "}  // namespace prytany::sim\n"
    )


def main(command, table, *rest):
    mutants = read_table(table)
    if command == "files":
        print("\n".join(sorted({m.file for m in mutants if m.for_simulator()})))
    elif command == "source":
        root, file, out = rest
        write(out, source_with_choices(mutants, root, file))
    elif command == "table":
        write(rest[0], cpp_table(mutants))
    elif command == "names":
        print("\n".join(m.name for m in mutants if m.file.startswith(rest[0])))
    elif command == "file":
        print(*[m.file for m in mutants if m.name == rest[0]])
    elif command == "find":
        wrong = [w for m in mutants if (w := what_is_wrong(m, read(f"{rest[0]}/{m.file}")))]
        print(*wrong, f"{len(mutants) - len(wrong)} passed, {len(wrong)} failed", sep="\n")
        sys.exit(1 if wrong else 0)
    elif command == "plant":
        root, name = rest
        mutant = next(m for m in mutants if m.name == name)
        path = f"{root}/{mutant.file}"
        old, new = find_once(mutant, read(path))
        write(path, read(path).replace(old, new))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])

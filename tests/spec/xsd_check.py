"""A small independent reader of XML schemas: order and number of children, attributes, simple values.

Enough for the V08 schemas: sequences and choices, references, restriction and extension, patterns,
enumerations, unions, ``xsi:type``. It knows nothing of our writer.
"""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

XS = "{http://www.w3.org/2001/XMLSchema}"
XSI = "{http://www.w3.org/2001/XMLSchema-instance}"


class Schema:
    """The named types and elements of a schema and all it includes."""

    def __init__(self, path: Path) -> None:
        self.types: dict[str, ET.Element] = {}
        self.elements: dict[str, ET.Element] = {}
        self._load(path, set())

    def _load(self, path: Path, seen: set[Path]) -> None:
        if path.resolve() in seen:
            return
        seen.add(path.resolve())
        for node in ET.parse(path).getroot():
            if node.tag == XS + "include":
                self._load(path.parent / node.get("schemaLocation", ""), seen)
            elif node.tag in (XS + "complexType", XS + "simpleType"):
                self.types[node.get("name", "")] = node
            elif node.tag == XS + "element":
                self.elements[node.get("name", "")] = node

    def faults(self, root: ET.Element) -> list[str]:
        """What is wrong with a document, in words; empty where it is valid."""
        name = local(root)
        if name not in self.elements:
            return [f"{name}: no such element"]
        return self._element(root, self._type_of(self.elements[name]), name)

    def _type_of(self, declared: ET.Element) -> ET.Element | None:
        if "ref" in declared.attrib:
            declared = self.elements[bare(declared.get("ref"))]
        inline = declared.find(XS + "complexType")
        return inline if inline is not None else self.types.get(bare(declared.get("type")))

    def _element(self, node: ET.Element, kind: ET.Element | None, path: str) -> list[str]:
        if XSI + "type" in node.attrib:
            kind = self.types.get(bare(node.get(XSI + "type")))
        if kind is None:
            return [f"{path}: no type"]
        children = self._children(kind)
        model = "".join(self._model(part) for part in children)
        names = "".join(local(child) + ";" for child in node)
        found = [] if re.fullmatch(model, names) else [f"{path}: children {names} are not {model}"]
        attributes = self._attributes(kind)
        for name, value in node.attrib.items():
            if name.startswith(XSI):
                continue
            if name not in attributes:
                found.append(f"{path}: attribute {name}")
            elif not self._fits(attributes[name], value):
                found.append(f"{path}: {name}={value}")
        for name, attribute in attributes.items():
            if attribute.get("use") == "required" and name not in node.attrib:
                found.append(f"{path}: {name} is missing")
        declared = {self._name(e): e for part in children for e in part.iter(XS + "element")}
        for child in node:
            if local(child) in declared:
                found += self._element(child, self._type_of(declared[local(child)]), f"{path}/{local(child)}")
        return found

    @staticmethod
    def _name(declared: ET.Element) -> str:
        return bare(declared.get("name") or declared.get("ref"))

    def _children(self, kind: ET.Element) -> list[ET.Element]:
        content = kind.find(XS + "complexContent")
        if content is None:
            return [part for part in kind if part.tag in (XS + "sequence", XS + "choice")]
        derived = content[0] if content[0].tag != XS + "annotation" else content[1]
        own = [part for part in derived if part.tag in (XS + "sequence", XS + "choice")]
        if derived.tag == XS + "restriction":
            return own
        return self._children(self.types[bare(derived.get("base"))]) + own

    def _model(self, part: ET.Element) -> str:
        if part.tag == XS + "element":
            inner = re.escape(self._name(part)) + ";"
        elif part.tag in (XS + "sequence", XS + "choice"):
            between = "" if part.tag == XS + "sequence" else "|"
            inner = between.join(self._model(child) for child in part if child.tag != XS + "annotation")
        else:
            return ""
        most = part.get("maxOccurs", "1")
        return f"(?:{inner}){{{part.get('minOccurs', '1')},{'' if most == 'unbounded' else most}}}"

    def _attributes(self, kind: ET.Element) -> dict[str, ET.Element]:
        content = kind.find(XS + "complexContent")
        if content is None:
            return {a.get("name", "").strip(): a for a in kind.findall(XS + "attribute")}
        derived = content[0] if content[0].tag != XS + "annotation" else content[1]
        base = self.types.get(bare(derived.get("base")))
        found = {} if base is None else self._attributes(base)
        found |= {a.get("name", "").strip(): a for a in derived.findall(XS + "attribute")}
        return {name: a for name, a in found.items() if a.get("use") != "prohibited"}

    def _fits(self, attribute: ET.Element, value: str) -> bool:
        if attribute.get("fixed") is not None and attribute.get("fixed") != value:
            return False
        return self._is_of(attribute.get("type"), value)

    def _is_of(self, name: str | None, value: str) -> bool:
        kind = self.types.get(bare(name))
        return True if kind is None else self._is_simple(kind, value)

    def _is_simple(self, kind: ET.Element, value: str) -> bool:
        union = kind.find(XS + "union")
        if union is not None:
            named = any(self._is_of(name, value) for name in (union.get("memberTypes") or "").split())
            return named or any(self._is_simple(inner, value) for inner in union.findall(XS + "simpleType"))
        rule = kind.find(XS + "restriction")
        if rule is None:
            return True
        allowed = [e.get("value") for e in rule.findall(XS + "enumeration")]
        patterns = [e.get("value", "") for e in rule.findall(XS + "pattern")]
        if allowed and value not in allowed:
            return False
        if patterns and not any(re.fullmatch(pattern, value) for pattern in patterns):
            return False
        return self._is_of(rule.get("base"), value)


def local(node: ET.Element) -> str:
    return node.tag.rpartition("}")[2]


def bare(name: str | None) -> str:
    return (name or "").rpartition(":")[2]

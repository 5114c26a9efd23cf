"""The event flow as a Mermaid diagram, made from the catalogue. Run as `python -m storyreel_contracts.flow`."""

from storyreel_contracts.topics import PUBLIC, SERVICES


def mermaid() -> str:
    """Services as boxes, topics as edges' ends; one line per writer and reader."""
    lines = ["flowchart LR", "  campaign([campaign systems])"]
    lines += [f"  {service}[{service}]" for service in SERVICES]
    for topic in PUBLIC:
        node = topic.name.replace("-", "_")
        lines.append(f"  {node}{{{{{topic.name}}}}}")
        lines.append(f"  {topic.owner} --> {node}")
        lines.append(f"  {node} --> {' & '.join(topic.readers)}")
    return "\n".join(lines)


if __name__ == "__main__":
    print(mermaid())

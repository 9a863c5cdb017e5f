#!/bin/sh
echo '{"dynamic": {"hosts": ["d1", "s1"], "vars": {"x": 1}}, "_meta": {"hostvars": {"s1": {"v": "dynamic"}}}}'

"""The same as the role for Ansible beside this, as pyinfra's users would write it."""

from pyinfra import host, inventory
from pyinfra.operations import apt, files, systemd

source = inventory.get_group("chrony")[0]
part = "server" if host.name == source.name else "client"

apt.packages(name="install chrony", packages=["chrony"])
conf = files.template(
    name="configure chrony",
    src=f"../ansible/roles/chrony/templates/{part}.conf.j2",
    dest="/etc/chrony/chrony.conf",
    user="root",
    group="root",
    mode="0644",
    cluster_name="c1",
    local_network="10.99.0.0/24",
    source_name=source.name,
    source_address=source.data.get("ssh_hostname"),
)
systemd.service(
    name="restart chrony", service="chrony", restarted=True, enabled=None, _if=conf.did_change
)
systemd.service(name="start chrony, now and at boot", service="chrony", enabled=True)

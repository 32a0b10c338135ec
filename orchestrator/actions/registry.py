"""All actions by the name playbooks use."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from orchestrator.actions.adopt_certificate import AdoptCertificate, ReadoptPrevious
from orchestrator.actions.adopt_oauth import AdoptOauth
from orchestrator.actions.assign_permission_set import AssignPermissionSet
from orchestrator.actions.base import Action
from orchestrator.actions.begin_sign_in import BeginSignIn
from orchestrator.actions.bootstrap import Bootstrap
from orchestrator.actions.check_consumer_key import CheckConsumerKey
from orchestrator.actions.check_deploy import CheckDeploy
from orchestrator.actions.check_rights import CheckRights
from orchestrator.actions.choose import Choose
from orchestrator.actions.close_rotation import CloseRotation, ProveRetired
from orchestrator.actions.deploy_certificate import DeployCertificate
from orchestrator.actions.deploy_client_app import DeployClientApp
from orchestrator.actions.deploy_permission_set import DeployPermissionSet
from orchestrator.actions.detect import Detect
from orchestrator.actions.end_session import EndSession
from orchestrator.actions.expect_package import ExpectPackage
from orchestrator.actions.find_package import FindPackage
from orchestrator.actions.forget_credential import ForgetCredential
from orchestrator.actions.install_package import InstallPackage
from orchestrator.actions.integration_user import ProvideIntegrationUser
from orchestrator.actions.issue_certificate import IssueCertificate
from orchestrator.actions.keep_sign_in import KeepSignIn
from orchestrator.actions.lock_password import LockPassword
from orchestrator.actions.open_setup_session import OpenSetupSession
from orchestrator.actions.plan_guided_setup import PlanGuidedSetup
from orchestrator.actions.plan_lockdown import PlanLockdown
from orchestrator.actions.plan_removal import ConfirmOurs, PlanRemoval
from orchestrator.actions.plan_rotation import PlanRotation
from orchestrator.actions.preflight import Preflight
from orchestrator.actions.preflight_package import PreflightPackage
from orchestrator.actions.prove_oauth import ProveOauth
from orchestrator.actions.prove_removed import ProveRemoved
from orchestrator.actions.read_app_policies import ReadAppPolicies
from orchestrator.actions.read_consumer_key import ReadConsumerKey
from orchestrator.actions.recall_credential import RecallCredential
from orchestrator.actions.recall_lockdown import RecallLockdown
from orchestrator.actions.recover_credential import RecoverCredential
from orchestrator.actions.redeem_sign_in import RedeemSignIn
from orchestrator.actions.remove_app import RemoveApp
from orchestrator.actions.remove_permission_sets import RemovePermissionSets
from orchestrator.actions.restore_access import RestoreAccess
from orchestrator.actions.retire_app import RetireApp, RollBackCertificate
from orchestrator.actions.retire_integration_user import RetireIntegrationUser
from orchestrator.actions.return_rights import ReturnRights
from orchestrator.actions.set_app_policies import SetAppPolicies
from orchestrator.actions.survey import Survey
from orchestrator.actions.try_credential import TryCredential
from orchestrator.actions.verify_credential import VerifyCredential
from orchestrator.actions.verify_lockdown import VerifyLockdown
from orchestrator.actions.withdraw_app_policies import WithdrawAppPolicies
from orchestrator.actions.withdraw_rights import WithdrawRights

ACTIONS: Mapping[str, Action] = MappingProxyType(
    {
        action.spec.name: action
        for action in (
            Detect(),
            TryCredential(),
            Bootstrap(),
            Preflight(),
            IssueCertificate(),
            DeployPermissionSet(),
            AssignPermissionSet(),
            DeployClientApp(),
            ReadConsumerKey(),
            ProveOauth(),
            AdoptOauth(),
            PlanLockdown(),
            LockPassword(),
            VerifyLockdown(),
            WithdrawRights(),
            VerifyCredential(),
            RecallLockdown(),
            CheckRights(),
            RestoreAccess(),
            ReturnRights(),
            RecallCredential(),
            PlanRemoval(),
            ConfirmOurs(),
            RemoveApp(),
            RemovePermissionSets(),
            ProveRemoved(),
            ForgetCredential(),
            Survey(),
            CheckDeploy(),
            Choose(),
            ProvideIntegrationUser(),
            RetireIntegrationUser(),
            EndSession(),
            ExpectPackage(),
            FindPackage(),
            PreflightPackage(),
            InstallPackage(),
            ReadAppPolicies(),
            SetAppPolicies(),
            WithdrawAppPolicies(),
            PlanGuidedSetup(),
            CheckConsumerKey(),
            BeginSignIn(),
            RedeemSignIn(),
            KeepSignIn(),
            PlanRotation(),
            OpenSetupSession(),
            RecoverCredential(),
            DeployCertificate(),
            AdoptCertificate(),
            RetireApp(),
            ProveRetired(),
            ReadoptPrevious(),
            RollBackCertificate(),
            CloseRotation(),
        )
    }
)
